import type { ApiProblem } from './contract.ts';
import { leaveToLogin } from './login-address.ts';

/** What the API answered instead of data. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly problem: ApiProblem;
  readonly httpStatus: number;

  constructor(problem: ApiProblem, httpStatus: number) {
    super(problem.message);
    this.problem = problem;
    this.httpStatus = httpStatus;
  }
}

export type Parameters = Record<string, string | number | undefined>;

/** The address of an API resource; parameters that are undefined or empty are left out. */
export function apiUrl(path: string, parameters: Parameters): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return `/api/v1/${path}${text === '' ? '' : `?${text}`}`;
}

/**
 * Reads a resource. Throws ApiError when the server answers with a problem; `signal` cancels the query there
 * too.
 */
export async function apiGet<T>(path: string, parameters: Parameters, signal?: AbortSignal): Promise<T> {
  const response = await fetch(apiUrl(path, parameters), {
    headers: { accept: 'application/json' },
    ...(signal === undefined ? {} : { signal }),
  });
  return readAnswer<T>(response);
}

/** Sends JSON. Throws ApiError when the server answers with a problem. */
export async function apiSend<T>(
  method: 'PUT' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body: unknown = {},
  signal?: AbortSignal,
): Promise<T> {
  const response = await fetch(apiUrl(path, {}), {
    method,
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
  return readAnswer<T>(response);
}

async function readAnswer<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  if (response.status === 401) leaveToLogin();
  throw new ApiError(await readProblem(response), response.status);
}

async function readProblem(response: Response): Promise<ApiProblem> {
  try {
    const body = (await response.json()) as { error?: ApiProblem };
    if (body.error !== undefined) return body.error;
  } catch {
    // Not ours: something between the browser and Weir answered.
  }
  return { code: 'http', message: `The server answered ${response.status} ${response.statusText}.` };
}
