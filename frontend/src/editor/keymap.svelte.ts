/** Which keys do what: those of the table of commands, and what the user made of them, kept in the browser. */

const STORED = 'diffusion-designer.keys';

/** "Ctrl+Shift+Z" of a key press. A shifted sign ("?") is written without its Shift. */
export function chord(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shift = event.shiftKey && (event.key.length > 1 || /[A-Z]/i.test(event.key));
  return [event.ctrlKey || event.metaKey ? 'Ctrl' : '', event.altKey ? 'Alt' : '', shift ? 'Shift' : '', key].filter(Boolean).join('+');
}

/** A command as the table has it: alternatives of keys are separated by two spaces. */
interface Keyed {
  id: string;
  keys: string;
}

export class Keymap {
  private changed = $state.raw<Record<string, string>>(stored());

  /** The keys of a command now. */
  of({ id, keys }: Keyed): string[] {
    return (this.changed[id] ?? keys).split('  ').filter(Boolean);
  }

  isChanged(id: string): boolean {
    return Object.hasOwn(this.changed, id);
  }

  /** Give `keys` to a command, and take them from every other one. */
  bind(id: string, keys: string, commands: readonly Keyed[]): void {
    const next = { ...this.changed, [id]: keys };
    for (const other of commands) {
      const kept = this.of(other).filter((one) => one !== keys);
      if (other.id !== id && kept.length < this.of(other).length) next[other.id] = kept.join('  ');
    }
    this.keep(next);
  }

  reset(): void {
    this.keep({});
  }

  private keep(changed: Record<string, string>): void {
    this.changed = changed;
    localStorage.setItem(STORED, JSON.stringify(changed));
  }
}

function stored(): Record<string, string> {
  try {
    const kept = JSON.parse(localStorage.getItem(STORED) ?? '{}') as Record<string, unknown>;
    return Object.fromEntries(Object.entries(kept).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  } catch {
    return {};
  }
}

export const keymap = new Keymap();
