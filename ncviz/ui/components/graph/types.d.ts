// What the graph editor draws; see `graph/component.py`.

interface GraphNode {
  id: number;
  x: number;
  y: number;
  /** Mass before it is moved, and after, for the selected edge. */
  before: number;
  after: number;
}

interface GraphEdge {
  u: number;
  v: number;
  length: number;
  kappa: number;
  /** κ before the last edit, if that changed it. */
  was: number | null;
}

interface Flow {
  x: number;
  y: number;
  mass: number;
}

interface GraphParcel extends Parcel {
  path: number[];
  lengths: number[];
}

interface GraphScale extends Record<ThemeName, string[]> {
  high: number;
  low: number;
  ends: string[];
  names: string[];
}

interface GraphData {
  seq: number;
  height: number;
  directed: boolean;
  nodes: GraphNode[];
  edges: GraphEdge[];
  selected: [number, number] | null;
  flow: Flow[];
  /** The parts of the plan, each on a shortest path. */
  parcels: GraphParcel[];
  /** W as it is shown, and with how many decimals. */
  work: { total: string; decimals: number };
  status: string;
  can_undo: boolean;
  can_redo: boolean;
  most_nodes: number;
  scale: GraphScale;
}

/** From the unit square to pixels and back. */
interface GraphFrame {
  radius: number;
  width: number;
  height: number;
  x(value: number): number;
  y(value: number): number;
  back(x: number, y: number): Point;
}

type GraphAction =
  | { action: "select" | "add_edge" | "remove_edge"; u: number; v: number }
  | { action: "remove_node"; node: number }
  | { action: "move_node"; node: number; x: number; y: number }
  | { action: "add_node"; x?: number; y?: number }
  | { action: "clear" | "undo" | "redo" | "reset" };

type NumberedAction = GraphAction & { seq: number };

/** The pointer that is down, and on what. */
interface Held {
  id: number;
  element: HTMLElement | SVGElement | null;
  node: number | null;
  start: Point;
  /** Where a node is dragged to. */
  place: Point | null;
  hasMoved: boolean;
}

interface Segment {
  a: Point;
  b: Point;
  ux: number;
  uy: number;
}

type Places = Map<number, Point>;

type Area = Point & Size;
