/** What a configuration says of the console: how it is served, and who may see it. */
import { z } from 'zod';
import { isNetwork } from './access-settings.ts';

const FILE_ALLOWED = 'the path of a file in PEM';
const NAMES_MAX = 64;
const NAME_ALLOWED = 'a host name such as weir.example.org';
const PROXY_ALLOWED = 'the IP address of a proxy, or its network';
const ISSUER_ALLOWED = 'an https:// URL (http:// only on this machine)';
const REDIRECT_ALLOWED = 'the URL of this server, ending in /login/oidc/callback';
const ROLE_ALLOWED = 'viewer, operator or admin, or an object with role and rowFilter';
const GROUPS_MAX = 256;

/** `http`: how the console is served. */
export const httpSchema = z.strictObject(
  {
    tls: z
      .strictObject(
        {
          certificate: text(FILE_ALLOWED).describe('Our certificate, with its chain'),
          key: text(FILE_ALLOWED).describe('Its key'),
        },
        { error: (issue) => unknownKeysElse(issue.code, 'an object with certificate and key') },
      )
      .optional()
      .describe('Serve over TLS; the files are read again when they change'),
    names: z
      .array(
        z.string({ error: NAME_ALLOWED }).regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i, NAME_ALLOWED),
        { error: 'a list of host names' },
      )
      .max(NAMES_MAX, `at most ${NAMES_MAX} names`)
      .optional()
      .describe('Names by which browsers know this server, beside that of the machine'),
    proxies: z
      .array(z.string({ error: PROXY_ALLOWED }).refine(isNetwork, PROXY_ALLOWED), {
        error: 'a list of addresses',
      })
      .max(NAMES_MAX, `at most ${NAMES_MAX} proxies`)
      .optional()
      .describe(
        'Proxies that are believed when they say for whom they ask; those on this machine always are',
      ),
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
    name: text('a name for the button').default('single sign-on').describe('What the button says'),
    issuer: z
      .string({ error: ISSUER_ALLOWED })
      .refine(isIssuer, ISSUER_ALLOWED)
      .describe('The provider: its discovery document is at `/.well-known/openid-configuration` below'),
    clientId: text('the client id that the provider gave').describe('As whom we are known to the provider'),
    clientSecretFile: text('the path of a file')
      .optional()
      .describe("File that holds the client's secret; left out for a public client"),
    redirectUrl: z
      .string({ error: REDIRECT_ALLOWED })
      .refine(isRedirect, REDIRECT_ALLOWED)
      .describe('Where the provider sends browsers back to: `https://NAME/login/oidc/callback`'),
    scopes: text('scopes, separated by blanks').default('openid profile email').describe('What is asked for'),
    nameClaim: text('the name of a claim')
      .default('preferred_username')
      .describe('Claim that names the user'),
    rolesClaim: text('the name of a claim')
      .default('groups')
      .describe('Claim that holds his groups or roles; dots lead into objects'),
    roles: z
      .record(z.string().min(1), grantSchema, { error: 'an object: group to role' })
      .refine((roles) => Object.keys(roles).length <= GROUPS_MAX, `at most ${GROUPS_MAX} groups`)
      .describe('What each of them means here: a role, or `{"role": …, "rowFilter": …}`'),
  },
  {
    error: (issue) => unknownKeysElse(issue.code, 'an object with issuer, clientId, redirectUrl and roles'),
  },
);

/** `access`: who may see the console. */
export const accessSchema = z.strictObject(
  {
    login: z
      .enum(['auto', 'always'], { error: 'auto or always' })
      .default('auto')
      .describe('`auto`: who comes from this machine need not log in; `always`: everybody has to'),
    oidc: oidcSchema.optional().describe('Log in by an OpenID provider'),
  },
  { error: (issue) => unknownKeysElse(issue.code, 'an object with login and oidc') },
);

export type HttpSettings = Readonly<z.output<typeof httpSchema>>;
export type AccessSettings = Readonly<z.output<typeof accessSchema>>;
export type OidcSettings = Readonly<z.output<typeof oidcSchema>>;

/** The settings as a JSON schema, for the reference. */
export function consoleSettingsJsonSchema() {
  const settings = z.object({ http: httpSchema, access: accessSchema });
  return z.toJSONSchema(settings, { io: 'input' });
}

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

function isRedirect(value: string): boolean {
  return URL.canParse(value) && new URL(value).pathname === '/login/oidc/callback';
}

function isIssuer(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  const isLocal = hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isLocal);
}
