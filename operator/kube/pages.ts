/** Reads a list page by page, so that neither side holds all of it at once. */

import type { ApiAnswer, ApiFailure, KubeObject, ResourceType } from './api.ts';
import { noAnswer } from './failure.ts';
import { collectionPath } from './path.ts';
import type { Lane, Transport } from './transport.ts';

export interface ListRequest {
  readonly type: ResourceType;
  readonly namespace: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly metadataOnly?: boolean | undefined;
  readonly signal?: AbortSignal;
}

/** client-go's, for metadata. */
const PAGE_OF_METADATA = 500;
/** A RewriteRule may hold 100 KB: what comes in one piece is parsed and told in one, and leases are renewed in between. */
const PAGE_OF_CONTENT = 100;

/** For the API server: no limit. */
const WHOLE = 0;

const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

/** What to ask for so that content stays on the server. One that cannot answers 406 instead of sending everything. */
export function acceptOf(request: ListRequest, form: 'list' | 'watch'): string {
  if (request.metadataOnly !== true) return 'application/json';
  return form === 'watch' ? METADATA : METADATA.replace('PartialObjectMetadata;', 'PartialObjectMetadataList;');
}

export function selectorsOf({ labelSelector, fieldSelector }: ListRequest): Record<string, string | undefined> {
  return { labelSelector, fieldSelector };
}

/** Items of lists carry no kind, and metadata of an object calls itself something else. */
export function named(type: ResourceType, item: KubeObject): KubeObject {
  return { ...item, apiVersion: type.apiVersion, kind: type.kind };
}

interface Page {
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubeObject[] | null;
}

/**
 * Tells each page, as of one moment, and answers that moment's resourceVersion. A list that takes so long that
 * the server has forgotten the moment starts again, in one piece; `restart` is told before.
 */
export async function readPages(
  transport: Transport,
  lane: Lane,
  request: ListRequest,
  tell: (objects: readonly KubeObject[]) => void,
  restart: () => void,
): Promise<ApiAnswer<string>> {
  const page = (limit: number, position: string | undefined) =>
    transport.json(
      {
        method: 'GET',
        path: collectionPath(request.type, request.namespace),
        // No resourceVersion: the newest, even right after another API server has answered that is behind.
        query: { ...selectorsOf(request), limit: String(limit), continue: position },
        accept: acceptOf(request, 'list'),
        repeatable: true,
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      },
      lane,
    );
  let position: string | undefined;
  let limit = request.metadataOnly === true ? PAGE_OF_METADATA : PAGE_OF_CONTENT;
  for (;;) {
    const answer = await page(limit, position);
    if (!answer.ok) {
      if (!isForgotten(answer) || position === undefined) return answer;
      restart();
      position = undefined;
      limit = WHOLE;
      continue;
    }
    if (!isPage(answer.value)) return noAnswer('what the API server answered is no list');
    const { items, metadata } = answer.value;
    tell((items ?? []).map((item) => named(request.type, item)));
    position = metadata.continue;
    if (position === undefined || position === '') return { ok: true, value: metadata.resourceVersion ?? '' };
  }
}

/** The newest moment, as lists and watches name it. */
export async function readMoment(transport: Transport, lane: Lane, request: ListRequest): Promise<ApiAnswer<string>> {
  const call = {
    method: 'GET',
    path: collectionPath(request.type, request.namespace),
    query: { ...selectorsOf(request), limit: '1' },
    accept: acceptOf({ ...request, metadataOnly: true }, 'list'),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  } as const;
  const answer = await transport.json(call, lane);
  if (!answer.ok) return answer;
  if (!isPage(answer.value)) return noAnswer('what the API server answered is no list');
  return { ok: true, value: answer.value.metadata.resourceVersion ?? '' };
}

/** Something between us and the server may answer 200 with JSON of its own. */
function isPage(answer: unknown): answer is Page {
  return typeof answer === 'object' && answer !== null && 'metadata' in answer && 'items' in answer;
}

function isForgotten(failure: ApiFailure): boolean {
  return failure.status === 410;
}
