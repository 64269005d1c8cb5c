import { type ThemeChoice, useTheme } from '../theme.ts';

const NEXT: Readonly<Record<ThemeChoice, ThemeChoice>> = { auto: 'light', light: 'dark', dark: 'auto' };
const NAMES: Readonly<Record<ThemeChoice, string>> = { auto: 'as the system', light: 'light', dark: 'dark' };

/** Goes round auto, light, dark. */
export function ThemeToggle() {
  const { choice, choose } = useTheme();
  const title = `Theme: ${NAMES[choice]}. Click for ${NAMES[NEXT[choice]]}.`;
  return (
    <button
      type="button"
      title={title}
      aria-label={title}
      onClick={() => choose(NEXT[choice])}
      className="grid size-8 place-items-center rounded-md border border-line bg-surface text-ink-soft hover:border-line-strong hover:text-ink"
    >
      <svg
        aria-hidden="true"
        viewBox="0 0 20 20"
        className="size-4"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
      >
        {choice === 'light' && (
          <>
            <circle cx="10" cy="10" r="3.4" />
            <path d="M10 1.8v2M10 16.2v2M1.8 10h2M16.2 10h2M4.2 4.200l1.4 1.400M14.4 14.400l1.4 1.400M4.2 15.800l1.4-1.400M14.4 5.600l1.4-1.4" />
          </>
        )}
        {choice === 'dark' && (
          <path d="M16.5 12.200A7 7 0 0 1 7.8 3.500a7 7 0 1 0 8.7 8.700Z" strokeLinejoin="round" />
        )}
        {choice === 'auto' && (
          <>
            <circle cx="10" cy="10" r="7" />
            <path d="M10 3a7 7 0 0 1 0 14Z" fill="currentColor" stroke="none" />
          </>
        )}
      </svg>
    </button>
  );
}
