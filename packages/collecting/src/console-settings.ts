/** What a configuration says of the console: how it is served, and who may see it. */
import { z } from 'zod';
import { isNetwork } from './access-settings.ts';

const FILE_ALLOWED = 'the path of a file in PEM';
const NAMES_MAX = 64;
const NAME_ALLOWED = 'a host name such as weir.example.org';
const PROXY_ALLOWED = 'the IP address of a proxy, or its network';
const ISSUER_ALLOWED = 'an https:// URL (http:// only on this machine)';
const ROLE_ALLOWED = 'viewer, operator or admin, or an object with role and rowFilter';
const GROUPS_MAX = 256;

/** `http`: how the console is served. */
export const httpSchema = z.strictObject(
  {
    /** Certificate, with its chain, and key; they are read again when they change. */
    tls: z
      .strictObject(
        { certificate: text(FILE_ALLOWED), key: text(FILE_ALLOWED) },
        { error: (issue) => unknownKeysElse(issue.code, 'an object with certificate and key') },
      )
      .optional(),
    /** Names by which browsers know this server, beside that of the machine. */
    names: z
      .array(
        z.string({ error: NAME_ALLOWED }).regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i, NAME_ALLOWED),
        { error: 'a list of host names' },
      )
      .max(NAMES_MAX, `at most ${NAMES_MAX} names`)
      .optional(),
    /** Proxies that are believed when they say for whom they ask; those on this machine always are. */
    proxies: z
      .array(z.string({ error: PROXY_ALLOWED }).refine(isNetwork, PROXY_ALLOWED), {
        error: 'a list of addresses',
      })
      .max(NAMES_MAX, `at most ${NAMES_MAX} proxies`)
      .optional(),
  },
  { error: (issue) => unknownKeysElse(issue.code, 'an object with tls, names and proxies') },
);

const roleSchema = z.enum(['viewer', 'operator', 'admin'], { error: ROLE_ALLOWED });

const grantSchema = z.union(
  [
    roleSchema.transform((role) => ({ role, rowFilter: '' })),
    z.strictObject({ role: roleSchema, rowFilter: z.string().max(4096).default('') }),
  ],
  { error: ROLE_ALLOWED },
);

const oidcSchema = z.strictObject(
  {
    /** What the button says: the name of the provider. */
    name: text('a name for the button').default('single sign-on'),
    issuer: z.string({ error: ISSUER_ALLOWED }).refine(isIssuer, ISSUER_ALLOWED),
    clientId: text('the client id that the provider gave'),
    /** File that holds the client's secret; left out for a public client. */
    clientSecretFile: text('the path of a file').optional(),
    /** Address of this server for the provider: `https://NAME/login/oidc/callback`. */
    redirectUrl: z
      .url({ error: 'the URL of this server, ending in /login/oidc/callback' })
      .refine(
        (url) => new URL(url).pathname === '/login/oidc/callback',
        'a URL ending in /login/oidc/callback',
      ),
    scopes: text('scopes, separated by blanks').default('openid profile email'),
    /** Claim that names the user. */
    nameClaim: text('the name of a claim').default('preferred_username'),
    /** Claim that holds his groups or roles; dots lead into objects. */
    rolesClaim: text('the name of a claim').default('groups'),
    /** What each of them means here; who has none of them is not let in. */
    roles: z
      .record(z.string().min(1), grantSchema, { error: 'an object: group to role' })
      .refine((roles) => Object.keys(roles).length <= GROUPS_MAX, `at most ${GROUPS_MAX} groups`),
  },
  {
    error: (issue) => unknownKeysElse(issue.code, 'an object with issuer, clientId, redirectUrl and roles'),
  },
);

/** `access`: who may see the console. */
export const accessSchema = z.strictObject(
  {
    /** `auto`: a login is demanded where the console is served beyond this machine; `always`: on loopback, too. */
    login: z.enum(['auto', 'always'], { error: 'auto or always' }).default('auto'),
    /** Log in by another program (OpenID Connect). */
    oidc: oidcSchema.optional(),
  },
  { error: (issue) => unknownKeysElse(issue.code, 'an object with login and oidc') },
);

export type HttpSettings = Readonly<z.output<typeof httpSchema>>;
export type AccessSettings = Readonly<z.output<typeof accessSchema>>;
export type OidcSettings = Readonly<z.output<typeof oidcSchema>>;

export const CONSOLE_KEYS: Readonly<Record<string, readonly string[]>> = {
  http: Object.keys(httpSchema.shape),
  access: Object.keys(accessSchema.shape),
  oidc: Object.keys(oidcSchema.shape),
};

function text(allowed: string) {
  return z.string({ error: allowed }).min(1, allowed).max(1024, allowed);
}

/** An unknown key is told as such; anything else as what is allowed. */
function unknownKeysElse(code: string | undefined, allowed: string): string | undefined {
  return code === 'unrecognized_keys' ? undefined : allowed;
}

function isIssuer(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  const isLocal = hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isLocal);
}
