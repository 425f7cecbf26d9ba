/** What Python predicts of a design at initialisation, and the colours that show it. */

export interface Spread {
  rms: number;
  low: number;
  high: number;
}

export interface NodePrediction {
  activation: Spread;
  /** Relative to the gradient at the output. */
  gradient: Spread;
  /** rms(branch) / rms(trunk) of a sum of two streams. */
  branch: Spread | null;
}

export interface EdgePrediction {
  activation: number;
  gradient: number;
  /** How often six standard deviations fit below the end of fp16; null for exact zeros. */
  fp16: number | null;
  /** Whether bf16 loses all of a branch that is added here. */
  lost: boolean;
}

export interface StackPrediction {
  path: string;
  place: string;
  depth: number;
  growth: number;
  growth_at_levels: number[];
  gradient_ratio: number | null;
}

export interface FusionPrediction {
  path: string;
  place: string;
  ratio: number | null;
  ratio_at_levels: (number | null)[];
}

export interface Stability {
  moved: string[];
  largest: number;
  nodes: Record<string, NodePrediction>;
  edges: Record<string, EdgePrediction>;
  stacks: StackPrediction[];
  fusions: FusionPrediction[];
  levels: { log_snr: number; input: number; largest: number; output: number }[];
}

export type Quantity = 'activation' | 'gradient' | 'branch';

interface Scale {
  title: string;
  note: string;
}

/** Powers of ten to either end of a scale; 1 has no colour. */
export const REACH = 2;

export const SCALES: Record<Quantity, Scale> = {
  activation: { title: 'Activation', note: 'rms of what a node puts out, for inputs of rms 1' },
  gradient: { title: 'Gradient', note: 'rms of the gradient there, relative to the output' },
  branch: { title: 'Branch / trunk', note: 'rms of what a sum adds over rms of the stream' },
};

/** What a scale says of a node, null where it says nothing. */
export function spreadOf(node: NodePrediction | undefined, quantity: Quantity): Spread | null {
  return node?.[quantity] ?? null;
}

/** Where a value lies: -1 at the small end, 0 at 1, 1 at the large end; null for an exact 0. */
export function position(value: number): number | null {
  return value > 0 ? Math.max(-1, Math.min(1, Math.log10(value) / REACH)) : null;
}

/** The colour of a place on the scale: evenly spaced to the eye (OKLab), blue to orange so that all tell them apart. */
export function colourAt(place: number): string {
  const end = place < 0 ? 'var(--heat-low)' : 'var(--heat-high)';
  return `color-mix(in oklab, ${end} ${Math.round(100 * Math.abs(place))}%, var(--heat-middle))`;
}

/** The colour of a value; exact zeros are hatched. */
export function colourOf(value: number): string {
  const place = position(value);
  return place === null ? 'repeating-linear-gradient(135deg, var(--heat-middle) 0 5px, var(--heat-zero) 5px 7px)' : colourAt(place);
}

/** 0.0123 → "0.012", 1230 → "1.2e3": short enough for a card. */
export function short(value: number | null): string {
  if (value === null) return '∞';
  if (value === 0) return '0';
  if (value >= 1000 || value < 0.001) return value.toExponential(1).replace('e+', 'e');
  return String(Number(value.toPrecision(value >= 100 ? 3 : 2)));
}

/** "0.5 (0.2 … 1.1)": a mean over calls, with its range where calls differ. */
export function range(spread: Spread): string {
  const same = spread.high <= spread.low * 1.02;
  return same ? short(spread.rms) : `${short(spread.rms)} (${short(spread.low)} … ${short(spread.high)})`;
}
