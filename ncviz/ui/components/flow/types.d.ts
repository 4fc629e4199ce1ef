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

interface FlowTensor {
  name: string;
  start: number;
  size: number;
  ranked: number | null;
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
