// Bytes of an image, channel after channel, as a canvas of the image's own size.

export function imageOf(bytes, rows, columns, channels) {
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const area = rows * columns;
  for (let pixel = 0; pixel < area; pixel += 1) {
    const of = (channel) => bytes.charCodeAt((channels === 3 ? channel : 0) * area + pixel);
    image.data.set([of(0), of(1), of(2), 255], 4 * pixel);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
