// What the components share and what Streamlit hands to them.

interface StreamlitComponent<Data> {
  name: string;
  key: string;
  parentElement: ShadowRoot | HTMLElement;
  data: Data;
  setStateValue(name: string, value: unknown): void;
  setTriggerValue(name: string, value: unknown): void;
}

type ThemeName = "light" | "dark";

interface Theme {
  name: ThemeName;
  isDark: boolean;
  paper: string;
  ink: string;
  muted: string;
  dot: string;
  line: string;
  accent: string;
  font: string;
  /** From silent (0) to fully active (1), as red, green and blue. */
  shadeChannels(share: number): number[];
  shade(share: number): string;
}

interface Channel<Event> {
  name: string;
  /** What was said last, null at first. */
  readonly last: Event | null;
  /** Whether someone leads. */
  readonly isLive: boolean;
  publish(event: Event): void;
  subscribe(listener: (event: Event) => void): () => void;
  lead(): () => void;
}

interface ChannelState {
  last: any;
  publishers: number;
  listeners: Set<(event: any) => void>;
}

/** What a live panel says at every step. */
interface Threshold {
  removed: number;
  order: string | null;
}

/** What a network says of one image, or of several in the mean, with some of its weights removed. */
interface FlowState {
  /** |activation| of all units, layer after layer; 255 is each layer's strongest in the whole network. */
  activity: Uint8Array;
  /** Probability of each class. */
  scores: Float32Array | null;
  /** The most probable class of each image. */
  said: number[];
}

/** What flows at a step, said on the channel `<name>/flow`. */
interface FlowEvent extends Threshold, FlowState {
  /** Through which network: its fingerprint. */
  of: string;
  /** What flows, such as "image-3", or "own" for a drawn or a brought image. */
  image: string;
  /** For each layer the least and the largest |activation| in the whole network, which are 0 and 255 here. */
  ranges: [number, number][];
  /** The same of the whole network. */
  whole: FlowState;
}

/** Where the page itself moves a live panel's slider; once it lets go, the step counts as made. */
interface DrivenStep {
  removed: number;
  order: string;
  isHeld: boolean;
}

/** What a live panel shows. */
interface ShownStep {
  removed: number;
  order: string;
  accuracy: number | null;
  /** Whether the accuracy is read off a curve. */
  isRead: boolean;
  /** What is done by hand, such as "906 cut by hand"; "" for nothing. */
  by_hand: string;
  /** All of it in a sentence. */
  says: string;
}

/** An image as bytes, channel after channel, in base64. */
interface Pixels {
  rows: number;
  columns: number;
  channels: number;
  pixels: string;
}

/** As much of the canvas language as the network's picture uses. */
interface Pen {
  strokeStyle: string | CanvasGradient | CanvasPattern;
  fillStyle: string | CanvasGradient | CanvasPattern;
  globalAlpha: number;
  lineWidth: number;
  lineCap?: CanvasLineCap;
  lineJoin?: CanvasLineJoin;
  font: string;
  textAlign?: CanvasTextAlign;
  textBaseline?: CanvasTextBaseline;
  imageSmoothingEnabled: boolean;
  save(): void;
  restore(): void;
  translate(x: number, y: number): void;
  rotate(angle: number): void;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  quadraticCurveTo(cx: number, cy: number, x: number, y: number): void;
  closePath(): void;
  arc(x: number, y: number, radius: number, from: number, to: number): void;
  rect(x: number, y: number, width: number, height: number): void;
  clip(): void;
  stroke(): void;
  fill(): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  drawImage(
    source: HTMLCanvasElement,
    sx: number,
    sy: number,
    sw: number,
    sh: number,
    x: number,
    y: number,
    width: number,
    height: number,
  ): void;
  measureText(text: string): TextMetrics;
  fillText(text: string, x: number, y: number): void;
  strokeText(text: string, x: number, y: number): void;
}

type Attributes = Record<string, string | number | boolean | undefined>;

interface Window {
  /** Whether the introduction was seen in this visit. */
  __ncvizSeen?: boolean;
  /** Fields of a link that slide; set once the history is kept. */
  __ncvizQuiet?: readonly string[];
  __ncvizChannels?: Map<string, ChannelState>;
  __ncvizPanels?: { hosts: Set<Node>; last: Node | null };
}

/** Mass that travels together. */
interface Parcel {
  mass: number;
  distance: number;
}
