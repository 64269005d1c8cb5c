import { CommandLine } from './copy-button.tsx';
import { Popover } from './popover.tsx';

/** Shows the query behind a figure or a chart, to be read and copied. */
export function QueryText({ sql }: { sql: string | undefined }) {
  if (sql === undefined) return null;
  return (
    <Popover
      label="The SQL behind it"
      button="SQL"
      buttonClassName="h-7 rounded-md px-1.5 text-ink-soft text-xs hover:bg-hover hover:text-ink"
      align="right"
    >
      {() => (
        <div className="max-h-[60dvh] w-[40rem] max-w-[calc(100vw-2rem)] overflow-auto p-2">
          <CommandLine command={sql} />
        </div>
      )}
    </Popover>
  );
}
