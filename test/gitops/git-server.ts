/** A git repository served over http, as GitOps tools fetch it, that holds folders of this checkout and takes commits of the test. */

import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOrThrow } from '../support/child-process.ts';
import { ensurePackages } from '../support/debian.ts';
import { ROOT } from '../support/test-files.ts';

export interface GitServer {
  /** `http://127.0.0.1:23456/isthmus.git`; its branch is main. */
  readonly url: string;
  /** Where the next commit is prepared: a copy of the checkout's folders. */
  readonly workTree: string;
  /** Publishes the work tree as it is now; the value is the commit. */
  commit(message: string): Promise<string>;
  stop(): Promise<void>;
}

export interface GitServerOptions {
  /** Files and folders of the checkout. */
  readonly paths: readonly string[];
  /** Default: 127.0.0.1. */
  readonly address?: string;
}

const REPOSITORY = 'isthmus.git';

export async function startGitServer({ paths, address = '127.0.0.1' }: GitServerOptions): Promise<GitServer> {
  ensurePackages(['git']);
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-git-'));
  const workTree = join(folder, 'tree');
  mkdirSync(workTree);
  for (const path of paths) cpSync(join(ROOT, path), join(workTree, path), { recursive: true });
  // Nothing of the user's own settings: they may sign, or have hooks.
  const env = {
    ...{ HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_DIR: join(folder, REPOSITORY), GIT_WORK_TREE: workTree },
    ...{ GIT_AUTHOR_NAME: 'John', GIT_AUTHOR_EMAIL: 'john@shared.example' },
    ...{ GIT_COMMITTER_NAME: 'John', GIT_COMMITTER_EMAIL: 'john@shared.example' },
  };
  const git = async (...args: string[]) => (await runOrThrow('git', args, { cwd: workTree, env })).trim();
  const commit = async (message: string) => {
    await git('add', '--all');
    await git('commit', '--quiet', '--message', message);
    return await git('rev-parse', 'HEAD');
  };
  await runOrThrow('git', ['init', '--quiet', '--bare', '--initial-branch', 'main', REPOSITORY], {
    ...{ cwd: folder, env: { HOME: folder, GIT_CONFIG_NOSYSTEM: '1' } },
  });
  await git('config', 'core.bare', 'false');
  await commit('begin');
  const server = createServer((request, response) => answer(folder, request, response));
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}/${REPOSITORY}`,
    ...{ workTree, commit },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** By git's own program for that, which speaks CGI. */
function answer(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://git');
  const header = (name: string) => String(request.headers[name] ?? '');
  const backend = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...{ PATH: process.env['PATH'], HOME: folder, GIT_PROJECT_ROOT: folder, GIT_HTTP_EXPORT_ALL: '1' },
      ...{ REQUEST_METHOD: request.method, PATH_INFO: pathname, QUERY_STRING: search.slice(1) },
      ...{ CONTENT_TYPE: header('content-type'), HTTP_CONTENT_ENCODING: header('content-encoding') },
      GIT_PROTOCOL: header('git-protocol'),
    },
  });
  backend.once('error', (error) => response.destroy(error));
  // It ends before it has read everything when it does not like the question.
  backend.stdin.once('error', () => undefined);
  request.pipe(backend.stdin);
  backend.stdout.toArray().then(
    (chunks) => reply(response, Buffer.concat(chunks as Buffer[])),
    (error: Error) => response.destroy(error),
  );
}

function reply(response: ServerResponse, said: Buffer): void {
  const end = said.indexOf('\r\n\r\n');
  const fields = said.subarray(0, Math.max(end, 0)).toString('latin1').split('\r\n');
  const headers = new Map(fields.map((field) => [field.split(':', 1)[0] ?? '', field.replace(/^[^:]*:\s*/, '')]));
  const status = end < 0 ? 500 : Number.parseInt(headers.get('Status') ?? '200', 10);
  for (const [name, value] of headers) if (name !== '' && name !== 'Status') response.setHeader(name, value);
  response.writeHead(status).end(said.subarray(end + 4));
}
