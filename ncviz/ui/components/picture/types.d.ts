// A picture of one's own, read without a server.

/** One channel, row after row. */
interface Plane {
  rows: number;
  columns: number;
  values: Uint8Array;
}

/** Red, green, blue and how opaque, pixel after pixel. */
interface RgbaImage {
  width: number;
  height: number;
  data: ArrayLike<number>;
}

/** How pictures become a network's images, from `picture_reading` in `tasks/forward/images.py`. */
interface PictureReading {
  rows: number;
  columns: number;
  channels: number;
  most_pixels: number;
  /** What is said where dark ink was made light; empty where it is not. */
  inverted: string;
}
