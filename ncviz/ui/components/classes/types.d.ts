/** Accuracy of each class, measured with so many weights of an order removed; null where a class has no images. */
interface ClassAnswer {
  removed: number;
  order: string;
  accuracy: (number | null)[];
}

/** Accuracy of each class at every step of the slider, step after step, as 16-bit integers in base64. */
interface ClassSteps {
  order: string;
  removed: number[];
  accuracy: string;
}

interface ClassData {
  channel: string;
  removed: number;
  order: string;
  names: string[];
  /** Of the whole network. */
  before: (number | null)[] | null;
  now: ClassAnswer | null;
  steps: ClassSteps | null;
  chosen: number[];
  /** Whether the chosen classes' own bottlenecks are cut. */
  is_cut: boolean;
  word: string;
  images: number;
  tones: Record<ThemeName, Record<Tone, string>>;
}

/** What the bars show at a step, and whether it was measured for this one. */
interface ClassReading {
  accuracy: (number | null)[] | null;
  isOld: boolean;
}
