/** What ports carry: the role decides the colour and which links are refused before Python is asked. */

export type RoleGroup = 'map' | 'tokens' | 'vector' | 'time' | 'label' | 'any';

const GROUPS: Record<string, RoleGroup> = {
  image: 'map', latent: 'map', map: 'map', features: 'map', feature: 'map', skip: 'map', prediction: 'map', video: 'map', control: 'map', clean: 'map', moments: 'map',
  tokens: 'tokens', context: 'tokens', text: 'tokens', sequence: 'tokens', points: 'tokens', patches: 'tokens',
  vector: 'vector', embedding: 'vector', cond: 'vector', condition: 'vector', modulation: 'vector', pooled: 'vector',
  timestep_embedding: 'vector', time_embedding: 'vector', temb: 'vector',
  timestep: 'time', sigma: 'time', time: 'time', log_snr: 'time', size: 'time', guidance: 'time',
  class: 'label', label: 'label',
};

const TITLES: Record<RoleGroup, string> = {
  map: 'a feature map', tokens: 'tokens', vector: 'a vector', time: 'a raw timestep', label: 'a class label', any: 'anything',
};

/** Every role that the editor knows, for forms. */
export const ROLE_NAMES = ['any', ...Object.keys(GROUPS)].sort();

/** The group of a role; roles that the editor does not know behave as "any". */
export function roleGroup(role: string | undefined): RoleGroup {
  return GROUPS[role ?? 'any'] ?? 'any';
}

/** Why a link from `source` to `target` makes no sense, or null when it may. Shapes are Python's to judge. */
export function roleConflict(source: string | undefined, target: string | undefined): string | null {
  const from = roleGroup(source);
  const to = roleGroup(target);
  if (from === 'any' || to === 'any' || from === to) return null;
  return `carries ${TITLES[from]} (${source}), but the port expects ${TITLES[to]} (${target})`;
}

/** The CSS custom property that holds the colour of a role. */
export function roleColour(role: string | undefined): string {
  if (role === 'skip') return 'var(--role-skip)';
  if (role === 'gate') return 'var(--role-gate)';
  return `var(--role-${roleGroup(role)})`;
}

/** Whether a port conditions its block rather than feeding its trunk. */
export function isConditioning(role: string | undefined): boolean {
  const group = roleGroup(role);
  return group === 'vector' || group === 'time' || group === 'label' || role === 'context' || role === 'text' || role === 'gate';
}
