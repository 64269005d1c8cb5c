/** The way to the page for logging in, and back to where somebody was, with all that its address says. */

const LOGIN_PAGES: readonly string[] = ['/login', '/setup'];

export const isLoginPage = (path: string): boolean => LOGIN_PAGES.includes(path);

/** Where to log in, so as to come back to `location`. */
export function loginAddress({
  pathname,
  search,
  hash,
}: Pick<Location, 'pathname' | 'search' | 'hash'>): string {
  const here = `${pathname}${search}${hash}`;
  return here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`;
}

/** Where to go after logging in: a page of this server, whatever a link says. */
export function nextAddress(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  const isOurs = /^\/(?![/\\])[^\\\s]*$/.test(next) && !isLoginPage(next.split(/[?#]/)[0] ?? '');
  return isOurs ? next : '/';
}

/** Called when the server no longer knows who we are. */
export function leaveToLogin(): void {
  if (!isLoginPage(window.location.pathname)) window.location.assign(loginAddress(window.location));
}
