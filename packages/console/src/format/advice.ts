/** `grant it with "COMMAND", or run as root` in its parts; without quotes there is no command. */
export function splitAdvice(text: string): { before: string; command: string | undefined; after: string } {
  const match = /^([^"]*)"([^"]+)"(.*)$/.exec(text);
  if (match === null) return { before: text, command: undefined, after: '' };
  const [, before = '', command, after = ''] = match;
  return { before: before.trim(), command, after: after.replace(/^[\s,;]+/, '') };
}
