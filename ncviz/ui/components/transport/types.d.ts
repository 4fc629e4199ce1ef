// What the transport picture draws; see `transport/component.py`.

/** A unit of one side, or several together. */
interface TransportEnd {
  name: string;
  /** Its share of all the mass, as it is shown everywhere. */
  share: string;
  exact: string;
}

interface TransportBand extends Parcel {
  row: number;
  column: number;
  route: string;
  words: string;
}

interface TransportData {
  /** The edge on its image; another one sets out anew. */
  subject: string;
  left: TransportEnd[];
  right: TransportEnd[];
  bands: TransportBand[];
  routes: { name: string; title: string; light: string; dark: string }[];
  /** W as it is shown everywhere, and with how many decimals. */
  total: string;
  decimals: number;
  words: string;
  height: number;
  file: string;
}

interface Ribbon {
  band: TransportBand;
  /** Upper end on the left and on the right, and how thick it is. */
  from: number;
  to: number;
  thick: number;
}

interface Bar {
  top: number;
  thick: number;
}

interface TransportLayout {
  left: Bar[];
  right: Bar[];
  ribbons: Ribbon[];
  /** Whether the edge's own band is drawn thinner than it is. */
  isShort: boolean;
}
