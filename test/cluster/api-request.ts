/** Asks an API server as the administrator, without a client library in between: a request, its status code and its JSON. */

import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { KeyPair } from './authority.ts';

export interface ApiAnswer {
  readonly status: number;
  /** Parsed; undefined when it is no JSON. */
  readonly body: unknown;
}

export interface ApiRequestOptions {
  readonly method?: string;
  readonly body?: unknown;
  /** Of the body; default application/json. */
  readonly contentType?: string;
}

/** Status 0: nobody answered. */
export type ApiRequest = (path: string, options?: ApiRequestOptions) => Promise<ApiAnswer>;

/** A server that is paused answers nothing at all: whoever asks shall not wait with it. */
const PATIENCE_MS = 10_000;

export function apiRequestOf(server: string, ca: string, admin: KeyPair): { ask: ApiRequest; close: () => void } {
  const { hostname: host, port } = new URL(server);
  const files = { cert: readFileSync(admin.certificateFile), key: readFileSync(admin.keyFile) };
  const agent = new Agent({ ca, ...files, keepAlive: true });
  const ask: ApiRequest = (path, { method = 'GET', body, contentType = 'application/json' } = {}) =>
    new Promise((resolve) => {
      const unanswered = () => resolve({ status: 0, body: undefined });
      const headers = body === undefined ? {} : { 'content-type': contentType };
      const asked = request({ agent, host, port, path, method, headers, timeout: PATIENCE_MS }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('error', unanswered);
        response.once('end', () => resolve({ status: response.statusCode ?? 0, body: parsed(text) }));
      });
      asked.once('timeout', () => asked.destroy());
      asked.once('error', unanswered);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  return { ask, close: () => agent.destroy() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
