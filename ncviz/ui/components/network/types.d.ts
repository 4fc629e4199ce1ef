// What the network's picture is made of. `Header` mirrors the Python class of that name in `plots/network/payload.py`.

interface Tokens {
  rows: number;
  columns: number;
  cells: number[];
  words: string[];
}

interface Layer {
  name: string;
  subtitle: string;
  shape: number[];
  grouped: boolean;
  tokens: Tokens | null;
}

interface Link {
  name: string;
  kind: string;
  edges: number;
}

/** Layers that belong together, up to the one before `end`. */
interface Block {
  forms: string[];
  first: number;
  end: number;
  mean: number | null;
}

/** In which order parameters are removed; `mirrored` ones count the array's ranks from behind. */
interface RankedOrder {
  key: string;
  rank: number;
  mirrored: boolean;
}

interface Tick {
  share: number;
  words: string;
}

interface Scale {
  low: number;
  high: number;
  never: number;
  ticks: Tick[];
  names: string[];
}

interface LayoutHeader {
  width: number;
  height: number;
  portrait: boolean;
  radius: number[];
  labels: number[][];
}

interface ArrayEntry {
  dtype: string;
  offset: number;
  length: number;
}

/** How κ is spread over the weights of a connection; bars go from the scale's red end to its blue one. */
interface Spread {
  inputs: number;
  weights: number;
  active: number;
  low: number;
  median: number;
  high: number;
  negative: number;
  bars: number[];
}

interface OwnLines {
  selection: string;
  total: number;
  orders: RankedOrder[];
  arrays: Record<string, ArrayEntry>;
  digest: string;
}

interface CloseupHeader {
  layer: number;
  by: string;
  orders: Record<string, string>;
  shown: number[];
}

interface Sight {
  name: string;
  closeup: CloseupHeader;
  layouts: LayoutHeader[];
}

interface Roomy {
  layers: number;
  portrait: number;
  landscape: number;
}

interface FlowTensor {
  name: string;
  start: number;
  size: number;
  ranked: number | null;
}

/** What Python says about a network besides its arrays. */
interface Header {
  layers: Layer[];
  means: (number | null)[];
  blocks: Block[];
  offsets: number[];
  classes: string[];
  connections: string[];
  spreads: Spread[];
  links: Link[];
  parameters: number;
  unmeasured: number;
  note: string;
  ways: boolean;
  middles: boolean;
  lines: string;
  orders: RankedOrder[];
  drawn: number;
  total: number;
  filter: string | null;
  ramps: Record<ThemeName, string[]>;
  scale: Scale;
  grid: number;
  roomy: Roomy;
  program: FlowProgram | null;
  layouts: LayoutHeader[];
  closeup: CloseupHeader;
  sights: Sight[];
  arrays: Record<string, ArrayEntry>;
  digest: string;
}

/** What changes from run to run, sent along with the header. */
interface Volatile {
  channel: string;
  height: number;
  removed: number;
  order: string | null;
  selection: string;
  card: CardData | null;
  link: string | null;
  flows: FlowData | null;
  file_name: string;
  /** Whether what is selected can be cut, kept or scaled; not so in a file without a server. */
  can_operate?: boolean;
  /** Whether there is no Python to ask, as in a saved file. */
  is_offline?: boolean;
  /** Whether it stands beside another, without tools and images to choose from, and as wide as it is high. */
  is_bare?: boolean;
}

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float32Array;

/** All lines of what is selected, as they came. */
type OwnMessage = Omit<OwnLines, "arrays"> & { arrays: Record<string, Numbers> };

type Message = Omit<Header, "arrays"> & Volatile & { arrays: Record<string, Numbers>; own: OwnMessage | null };

interface LayoutBox extends LayoutHeader {
  shareX: Numbers;
  shareY: Numbers;
}

/** A network to draw: the header, the arrays by name, and what the drawing needs of them. */
interface Network extends Omit<Message, "layouts"> {
  source: Numbers;
  target: Numbers;
  curvature: Numbers;
  weight: Numbers;
  parameter: Numbers;
  connection: Numbers;
  /** Where the members of each line start, if a line stands for several parameters. */
  start?: Numbers;
  member?: Numbers;
  memberCurvature?: Numbers;
  leftOut?: Numbers;
  /** 1 for each line that stands out while nothing is selected. */
  lit?: Uint8Array;
  /** What was done by hand to each line: 0 nothing, 1 all of it cut, 2 held, 3 scaled. */
  mark?: Uint8Array;
  /** Of each node, where not all are shown: 0 if it is, 1 if it stands in a strip, 2 if its layer is hidden. */
  rest?: Numbers;
  linkSource: ArrayLike<number>;
  linkTarget: ArrayLike<number>;
  linkOf: Iterable<number> & ArrayLike<number>;
  /** Of each line of a link the node whose activity weighs it, as in an attention; beyond the last one for none. */
  linkWeigher?: ArrayLike<number>;
  activity?: Numbers;
  layouts: LayoutBox[];
  edges: number;
  bin: Uint8Array;
  bins: number;
  binOf(curvature: number): number;
  layerOf: Uint16Array;
  firstUnit: number[];
  memberWeight?: Numbers;
  /** What each parameter of a line is multiplied by, where that is not 1 for all. */
  factor?: Numbers;
  /** What was done by hand to each parameter of a line, where anything was: 0 nothing, 1 cut, 2 held. */
  byHand?: Numbers;
  /** For each order when each weight is removed, where the browser follows images by itself. */
  flowRanks: Record<string, Numbers>;
  /** For each order when each member (or edge, where each has one) is removed. */
  ranks: Record<string, Numbers>;
  lanes: number[];
}

/** What is left of each line at a threshold. */
interface LinesLeft {
  /** 1 if any of a line's parameters is left. */
  visible: Uint8Array;
  /** The colour of its strongest bottleneck that is left. */
  bin: Uint8Array;
  lowest: Float32Array;
  /** How many negative parameters are left. */
  negative: Uint16Array;
  kept: number;
}

interface Size {
  width: number;
  height: number;
}

/** Where everything is on a canvas of one size, before zooming. */
interface Geometry extends Size {
  margin: { left: number; right: number; top: number; bottom: number };
  /** What the picture takes, which may be longer than its frame. */
  room: Size;
  frame: Size;
  isPortrait: boolean;
  isLong: boolean;
  isCrowded: boolean;
  pitch: number;
  x: Float32Array;
  y: Float32Array;
  widest: number;
  /** Where a class's bar begins, from its node's name or from the node on. */
  barAt: number;
  radius: number[];
  grouped: boolean[];
  labels: number[][];
  middles: number[];
}

/** Zoom and offset: a point of the geometry is drawn at k · point + offset. */
interface View {
  k: number;
  x: number;
  y: number;
}

interface UnitHit {
  kind: "unit";
  unit: number;
}
/** A line, among those drawn or among those of the selection. */
interface EdgeHit {
  kind: "edge";
  edge: number;
  isOwn?: boolean;
}
interface LinkHit {
  kind: "link";
  link: number;
}
interface LayerHit {
  kind: "layer";
  layer: number;
}
/** A line that Python knows of and that is not among those drawn; its ends are nodes of this picture. */
interface LineHit {
  kind: "line";
  source: number;
  target: number;
  connection: number;
  parameter: number;
  bin: number;
}

/** What lies under the pointer. */
type Hit = UnitHit | EdgeHit | LinkHit | LayerHit;
/** What is selected. */
type Selected = UnitHit | EdgeHit | LineHit;

/** All lines of a selection, and what is left of them. */
interface OwnLeft {
  selection: string;
  network: Network;
  left: LinesLeft;
}

/** The edges and nodes that stand out; the edges are among those drawn, or among those of the selection. */
interface Focus {
  isOwn: boolean;
  edges: number[];
  units: number[];
  main?: number;
  line?: LineHit;
}

interface Scene {
  /** What flows at this step; null where no single image does, or until it is known. */
  flow: FlowEvent | null;
  /** Whether lines show the flow, not κ. */
  isFlowing: boolean;
  /** Of how many images it is the mean. */
  images: number;
  removed: number;
  order: string | null;
  network: Network;
  geometry: Geometry;
  view: View;
  theme: Theme;
  left: LinesLeft;
  own: OwnLeft | null;
  focus: Focus | null;
  /** The lines of which the criterion would take a weight next. */
  next?: number[];
  /** What a saved picture says of itself. */
  caption?: string;
}

interface Point {
  x: number;
  y: number;
}

/** Ends of a line as [layer, unit], where it is not drawn. */
interface LineData {
  source: [number, number];
  target: [number, number];
  connection: number;
  parameter: number;
  curvature: number;
}

interface State {
  network: Network | null;
  geometry: Geometry | null;
  left: LinesLeft | null;
  /** All lines of what was selected when Python last said so. */
  own: OwnLeft | null;
  removed: number;
  order: string | null;
  view: View;
  hit: Hit | null;
  /** Whether a finger touched what is hit, which stays hit until another touch or a move of the picture. */
  isPinned: boolean;
  pointer: Point;
  selected: Selected | null;
  focus: Focus | null;
  /** The selection as Python knows it. */
  told: string;
  /** The selection that Python asked for last. */
  asked: string | null;
  /** The layer that was zoomed to last, or -1. */
  layer: number;
}

/** What a message from Python says to the state; the network is the one before if its digest is the same. */
interface Receive {
  type: "receive";
  network: Network;
  own: { selection: string; network: Network } | null;
  removed: number;
  order: string | null;
  selection: string;
  card: CardData | null;
}

/** What the reader or the page wants of the picture. */
type Intent =
  | Receive
  | { type: "resize"; geometry: Geometry }
  | { type: "threshold"; removed: number; order: string | null }
  | { type: "pan"; dx: number; dy: number }
  | { type: "zoom"; factor: number; x?: number; y?: number }
  | { type: "reset" }
  | { type: "fit" }
  | { type: "hover"; at: Point | null }
  | { type: "click"; at: Point; reach: number; isTouch?: boolean }
  | { type: "select"; text: string }
  | { type: "walk"; step: 1 | -1 }
  | { type: "end"; side: "source" | "target" }
  | { type: "crumb"; act: string }
  | { type: "centre"; layer: number }
  | { type: "follow"; view: View };

/** What two pictures that are compared tell each other: a view, with offsets as shares of the picture's size. */
interface LinkedView extends View {
  from: object;
}

/** What is known of the selection. */
interface CardData {
  title: string;
  selection: string;
  rows: [string, string][];
  kernel: Kernel | null;
  image: (Pixels & { box: number[] | null; caption: string }) | null;
  kernels: SmallKernel[];
  kernels_title: string;
  note: string;
  /** Of the edge that stands for it, of which the Edge page answers why; null for none. */
  kappa: number | null;
  line: LineData | null;
}

interface Kernel {
  rows: number;
  columns: number;
  cells: (Cell | null)[];
}

interface Cell {
  parameter: number;
  curvature: number | null;
  weight: number;
  /** By what it is multiplied by hand. */
  factor: number;
  kept: boolean;
  /** "cut" or "kept" where that was done by hand. */
  by_hand: string;
  chosen: boolean;
  is_measured: boolean;
}

interface SmallKernel {
  rows: number;
  columns: number;
  curvature: (number | null)[];
  name: string;
  words: string;
  select: string;
}

interface Described {
  title: string;
  rows: [string, string][];
  spread?: DescribedSpread;
}

/** A small histogram over the colours' scale, with a mark at a share of its width. */
interface DescribedSpread {
  bars: number[];
  /** Where a line's own κ lies, if it is of one line. */
  mark: number | null;
  words: string;
}

/** A step of the path above the picture; `act` is "all", "layer-…" or a selection's text. */
interface Crumb {
  text: string;
  act: string;
}

interface SavedSize {
  name: string;
  scale: number;
  width?: number;
  height?: number;
}
