/** The icon and hue of a block's family: the tile on its card, in the palette, in the inspector. */

import {
  Activity, AlignVerticalDistributeCenter, Blocks, Box, Component, Crosshair, Dices, GitMerge, Grid3x3, Rows4, Scaling, Shapes, SlidersHorizontal, Tag,
} from '@lucide/svelte';

interface Look {
  icon: typeof Box;
  hue: number;
}

const LOOKS: Record<string, Look> = {
  activation: { icon: Activity, hue: 32 },
  attention: { icon: Crosshair, hue: 262 },
  conditioning: { icon: Tag, hue: 40 },
  convolution: { icon: Grid3x3, hue: 222 },
  definition: { icon: Component, hue: 230 },
  fusion: { icon: GitMerge, hue: 286 },
  linear: { icon: Shapes, hue: 205 },
  modulation: { icon: SlidersHorizontal, hue: 330 },
  normalisation: { icon: AlignVerticalDistributeCenter, hue: 152 },
  regularisation: { icon: Dices, hue: 100 },
  resampling: { icon: Scaling, hue: 190 },
  tokens: { icon: Rows4, hue: 172 },
  unknown: { icon: Box, hue: 0 },
};

/** A family that the editor does not know gets a hue of its own, the same each time. */
export function lookOf(family: string): Look {
  const key = family.toLowerCase();
  return LOOKS[key] ?? { icon: Blocks, hue: [...key].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7) };
}
