import { useEffect, useState } from 'react';
import { splitAdvice } from '../format/advice.ts';

/** A command in a line of its own, with a button that copies it. */
export function CommandLine({ command }: { command: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <div className="flex items-start gap-2 rounded-md border border-line bg-sunken py-1 pr-1 pl-2.5">
      <code className="wire min-w-0 flex-1 select-all py-0.5 [overflow-wrap:anywhere]">{command}</code>
      <button
        type="button"
        aria-label={`Copy the command ${command}`}
        onClick={() => void copyText(command).then(setCopied)}
        className="rounded px-1.5 py-0.5 text-accent text-xs hover:bg-hover"
      >
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}

/** Advice with its command in double quotes: the sentence in words, the command to copy. */
export function Advice({ text }: { text: string }) {
  const { before, command, after } = splitAdvice(text);
  if (command === undefined) return <p>{text}</p>;
  return (
    <>
      {before !== '' && <p>{before}:</p>}
      <CommandLine command={command} />
      {after !== '' && <p>{after}</p>}
    </>
  );
}

/** False where the browser forbids it (no secure context): the text can still be selected by hand. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
