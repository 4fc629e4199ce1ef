// What the introduction is given; see `stage/intro.py`.

interface IntroData {
  channel: string;
  total: number;
  word: string;
  baseline: number;
  plays: boolean;
  tones: Record<ThemeName, { bottleneck: string; redundant: string }>;
}

interface IntroPhase {
  name: "blue" | "red" | "you";
  order: string | null;
  from: number;
  to: number;
  ms: number;
}

/** What the stage's bar is given; see `stage/presenter.py`. */
interface PresenterData {
  presents: boolean;
  at: number;
  count: number;
  note: string;
  link: string;
  code: string;
}
