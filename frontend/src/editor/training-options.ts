import type { Value, Values } from '../core/document';

/** What the Train button and Ctrl+Enter run; the training panel edits it. */
export interface TrainingOptions {
  steps: number;
  seeds: number;
  data: string;
  device: string;
  precision: string;
  batch_size: number;
  learning_rate: number;
}

export const DEFAULT_OPTIONS: TrainingOptions = { steps: 150, seeds: 1, data: 'digits', device: 'auto', precision: 'fp32', batch_size: 16, learning_rate: 1e-3 };

export const CHOICES = {
  data: [
    ['digits', 'handwritten digits'], ['photos', 'photographs'], ['leaves', 'dead leaves'], ['fields', 'random fields'], ['latents', 'latents'],
  ],
  device: [['auto', 'automatic'], ['cpu', 'CPU'], ['cuda', 'GPU (CUDA)']],
  precision: [['fp32', 'fp32'], ['bf16', 'bf16'], ['fp16', 'fp16']],
} as const;

/** The options as `designer.train` names them; n seeds are 0 … n−1. */
export function toRequest(options: TrainingOptions): Values {
  const { seeds, ...rest } = options;
  return { ...rest, seeds: Array.from({ length: seeds }, (_, index): Value => index) };
}
