export interface PaletteCommand {
  id: string;
  group: string;
  title: string;
  hint?: string;
  /** Shown whatever is typed. */
  always?: boolean;
  run: () => void;
}

/**
 * The commands in which every typed word occurs, best first: titles that begin with the text, then titles
 * with a word that begins with it, then the rest in their own order.
 */
export function matchingCommands(commands: readonly PaletteCommand[], text: string): PaletteCommand[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...commands];
  const scored = commands.map((command, index) => ({ command, index, score: scoreOf(command, words) }));
  return scored
    .filter(({ score }) => score > 0)
    .sort((one, other) => other.score - one.score || one.index - other.index)
    .map(({ command }) => command);
}

function scoreOf(command: PaletteCommand, words: readonly string[]): number {
  const title = command.title.toLowerCase();
  const all = `${title} ${command.group} ${command.hint ?? ''}`.toLowerCase();
  if (!words.every((word) => all.includes(word))) return command.always === true ? 1 : 0;
  const first = words[0] ?? '';
  if (title.startsWith(first)) return 4;
  if (new RegExp(`(^|[^\\p{L}\\p{N}])${escaped(first)}`, 'u').test(title)) return 3;
  return title.includes(first) ? 2 : 1;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
