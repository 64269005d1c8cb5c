import { checkFilter } from '../flows/filter-check.ts';
import { TextField } from '../widgets/form.tsx';

interface RowFilterFieldProps {
  label: string;
  value: string;
  onChange: (filter: string) => void;
  disabled?: boolean;
  help?: string;
}

/** A filter that says what somebody sees; what cannot be read is said while it is typed. */
export function RowFilterField({ help = 'empty: all flows', ...props }: RowFilterFieldProps) {
  return (
    <TextField
      {...props}
      wire
      placeholder='srcNetwork = "berlin"'
      help={help}
      problem={rowFilterProblem(props.value)}
    />
  );
}

export function rowFilterProblem(filter: string): string | undefined {
  return filter.trim() === '' ? undefined : checkFilter(filter)?.message;
}
