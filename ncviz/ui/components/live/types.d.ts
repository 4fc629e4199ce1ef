// What the live panel is given and what it asks for; see `live/data.py` and `live/component.py`.

type Tone = "bottleneck" | "redundant";

interface Order {
  key: string;
  label: string;
  rule: string;
  hint: string;
  tone: Tone | null;
}

/** Stored points of one order: of its curve, or at the stops of the slider. With `images`, measured at every stop. */
interface Sweep {
  removed: number[];
  accuracy: (number | null)[];
  threshold: (number | null)[];
  images: number;
}

interface Answer {
  seq: number;
  removed: number;
  order: string;
  accuracy: number | null;
  images: number;
  threshold: number | null;
}

/** Where one order removes never-active weights and no others, in weights removed. */
interface Band {
  start: number;
  end: number;
  is_first: boolean;
}

/** The weights without a live edge on any calibration image. */
interface NeverActive {
  count: number;
  images: number;
  bands: Record<string, Band>;
  rule: string;
}

type Tones = Record<ThemeName, Record<Tone, string>>;

interface PanelData {
  channel: string;
  total: number;
  removed: number;
  zeros: number;
  most: number;
  order: string;
  seq: number;
  orders: Order[];
  sweeps: Record<string, Sweep> | null;
  steps: Record<string, Sweep> | null;
  baseline: number | null;
  answer: Answer | null;
  never: NeverActive | null;
  basis: string;
  is_live: boolean;
  is_measuring: boolean;
  can_cut: boolean;
  is_followed: boolean;
  is_offline: boolean;
  can_undo: boolean;
  can_redo: boolean;
  note: string;
  by_hand: string;
  scale: string;
  sweep_label: string;
  word: string;
  draw: string;
  about: string;
  told: string;
  tones: Tones;
  lines: Record<ThemeName, Record<string, string>>;
}

interface PanelData {
  /** The channel on which two sliders that move together meet; none where this one moves alone. */
  linked?: string | null;
}

/** The panel's data, with the curves that were sent last. */
type Shown = PanelData & { sweeps: Record<string, Sweep>; steps: Record<string, Sweep> };

type PanelAction = "undo" | "redo" | "reset" | "scale" | "cut";

/** Where a number of weights removed stands on the slider, in [0, 1], and back. */
interface SliderScale {
  total: number;
  zeros: number;
  most: number;
  isLinear: boolean;
  positionOf(removed: number): number;
  removedAt(position: number): number;
}

interface SliderTick {
  position: number;
  label: string;
  /** Half the room that it needs, in px. */
  half: number;
}

type AmountUnit = "share" | "count" | "kappa";

type Amount = { removed: number } | { kappa: number } | { problem: string };

interface SliderListener {
  drag(removed: number): void;
  settle(): void;
  release(): void;
  step(step: Step): void;
}

interface Wish {
  action: PanelAction | "threshold";
  removed: number;
  order: string;
  dragging: boolean;
  /** Of "scale" its name, of "cut" the κ. */
  value?: string | number;
}

type SentWish = Wish & { seq: number };

type PanelRequest = SentWish & { earlier: SentWish[] };

type StepSize = "weight" | "step" | "leap";

/** What a key or a button asks for: a step, or one end of the slider. */
interface Step {
  sign?: number;
  size?: StepSize;
  to?: number;
}

interface Clock {
  now(): number;
  later(task: () => void, wait: number): any;
  cancel(timer: any): void;
}

interface Reading {
  accuracy: number | null;
  source: "measured" | "curve" | "unknown";
  images?: number;
  /** When it stops being true, on the clock of `now`. */
  expires?: number;
}

/** What happened at a step, in a sentence. */
interface Outcome {
  label: string;
  removed: number;
  total: number;
  /** How many weights are gone before any is removed in the order. */
  zeros: number;
  byHand: string;
  word: string;
  accuracy: number | null;
  /** The accuracy with nothing removed. */
  baseline: number | null;
  /** Whether the accuracy is read off a curve. */
  isRead: boolean;
}

/** What a reading needs. */
interface Situation {
  answer: Answer | null;
  answeredAt: number;
  sweeps: Record<string, Sweep>;
  steps: Record<string, Sweep>;
  order: string;
  removed: number;
  positionOf(removed: number): number;
  isDragging: boolean;
  isLive: boolean;
  now: number;
}

type MarkName = "circle" | "square" | "diamond" | "triangle" | "cross";

type LineOrder = Order & { color: string; dash: string; mark: MarkName };

interface ChartModel {
  width: number;
  height: number;
  /** How much larger than 11 px its letters are. */
  unit: number;
  total: number;
  scale: SliderScale;
  sweeps: Record<string, Sweep>;
  orders: LineOrder[];
  order: string;
  baseline: number | null;
  word: string;
  never: NeverActive | null;
  draw: string;
}

interface TitleData extends Threshold {
  channel: string;
  network: string;
  total: number;
  order: string;
  orders: Record<string, { label: string; tone: Tone | null }>;
  tones: Tones;
}
