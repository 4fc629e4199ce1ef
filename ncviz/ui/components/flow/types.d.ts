// A forward pass in the browser. `FlowProgram` mirrors the Python class of that name in `plots/network/header.py`.

/** One operation, with the settings of its kind; see `ncviz/graph/forward/program.py`. */
interface FlowStep {
  kind: string;
  reads: number[];
  returns: number[];
  weight?: string;
  bias?: string;
  running_mean?: string;
  running_var?: string;
  eps?: number;
  kernel_size?: number[];
  stride?: number[];
  padding?: number[];
  dilation?: number[];
  groups?: number;
  count_include_pad?: boolean;
  negative_slope?: number;
  alpha?: number;
  min_val?: number;
  max_val?: number;
}

interface FlowProgram {
  operations: FlowStep[];
  layers: number[];
  tensors: FlowTensor[];
}

/** The parameters by name, and 1 for each value of a weight that is left; null for all. */
interface FlowTensors {
  values: Record<string, Float32Array>;
  kept: Record<string, Uint8Array> | null;
}

/** What the whole network says of an image, or of several in the mean. */
interface WholeFlow {
  key: string;
  inputs: Float64Array[];
  /** What each operation returns of the first image. */
  found: Float64Array[];
  /** Of each image. */
  ranges: [number, number][][];
  state: FlowState;
}

/** How large a drawing's ink is made, and by what it is put into the middle. */
interface Drawing {
  rows: number;
  columns: number;
  size: number;
  by: "mass" | "box";
}

interface Placement {
  scale: number;
  x: number;
  y: number;
}

/** What can flow, from `scene/flow_choices.py`. */
interface FlowData {
  /** The network's fingerprint. */
  of: string;
  chosen: string;
  images: (Pixels & { flow: string; number: number; label: string; class: number | null })[];
  own: Pixels | null;
  /** The images of which the mean flows; none where one alone does, or there are too many. */
  /** Several images each, of which the mean can flow. */
  groups: FlowGroup[];
  /** How many levels above black the network knows. */
  white: number;
  drawing: Drawing | null;
  can_bring: boolean;
  /** How a picture is read where there is no server to read it. */
  reading?: PictureReading;
  lines: "curvature" | "flow";
  /** Whether the picture has no slider, and with it nothing that says what flows. */
  is_still?: boolean;
}

interface FlowGroup {
  /** What flows, such as "all" or "class-3". */
  flow: string;
  title: string;
  /** Of each image, if anybody knows. */
  classes: number[] | null;
  /** None where the server says what flows. */
  images: Pixels[];
}

/** What the server says of the flow at a step, from `explore/living.py`. */
interface FlowAnswer extends Threshold {
  of: string;
  image: string;
  activity: string;
  scores: number[];
  said: number[];
  ranges: [number, number][];
  whole: { activity: string; scores: number[]; said: number[] } | null;
}

interface BarShares {
  now: number;
  whole: number;
  isMost: boolean;
}

/** What a verdict is judged by. */
interface Judged {
  label: number | null;
  /** Several images, of which the mean flows. */
  group: FlowGroup | null;
  /** Whether an image can be drawn here. */
  canDraw: boolean;
  /** Whether images to choose from are beside it. */
  canChoose: boolean;
  /** The step that the slider is at, which the flow may be behind. */
  removed: number;
  order: string | null;
  /** Whether an image is chosen. */
  isAsked: boolean;
  /** Whether nothing will say what flows. */
  isStill: boolean;
}

interface VerdictWords {
  now: string;
  nowShare: number;
  whole: string;
  wholeShare: number;
  isFlipped: boolean;
  outcome: { isRight: boolean; words: string } | null;
}

/** One summand of a unit: what it reads, times its weight. */
interface Summand {
  unit: number;
  value: number;
  weight: number;
  isKept: boolean;
  before: number;
}

/** How a unit comes about. */
interface UnitSum {
  /** The layer that it reads, or -1. */
  layer: number;
  summands: Summand[];
  bias: number;
  now: { sum: number; steps: [string, number][] };
  whole: { sum: number; steps: [string, number][] };
}

/** What the live panel is given besides, where the server says what flows. */
interface PanelData {
  flow?: FlowAnswer | null;
}
