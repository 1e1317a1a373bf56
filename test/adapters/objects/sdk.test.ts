import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { test } from 'node:test';
import { loadSdk, s3Store, type S3Sdk } from '../../../src/adapters/objects/sdk.ts';
import type { Page } from '../../../src/adapters/objects/store.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';

interface Asked {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** The SDK's shape, answering from a table. */
function fakeSdk(answer: (asked: Asked) => object): { sdk: S3Sdk; asked: Asked[]; settings: object[] } {
  const [asked, settings]: [Asked[], object[]] = [[], []];
  const command = (name: string) =>
    class {
      readonly name = name;
      readonly input: Readonly<Record<string, unknown>>;
      constructor(input: Readonly<Record<string, unknown>>) {
        this.input = input;
      }
    };
  class S3Client {
    constructor(given: object) {
      settings.push(given);
    }
    async send(one: object): Promise<object> {
      asked.push(one as Asked);
      const said = answer(one as Asked);
      if (said instanceof Error) throw said;
      return said;
    }
  }
  const names = [
    'ListObjectsV2',
    'HeadObject',
    'GetObject',
    'PutObject',
    'DeleteObject',
    'CreateMultipartUpload',
    'AbortMultipartUpload',
  ];
  const commands = Object.fromEntries(names.map((name) => [`${name}Command`, command(name)]));
  return { sdk: { S3Client, ...commands } as unknown as S3Sdk, asked, settings };
}

function storeOf(answer: (asked: Asked) => object, env: Record<string, string> = {}) {
  const fake = fakeSdk(answer);
  return { ...fake, store: s3Store(fake.sdk, { env, signal: new AbortController().signal, offline: false }) };
}

const PLACE = { bucket: 'models', key: 'acme/enc' };
const PIN = { etag: '"e"', versionId: null };
const SPAN = { start: 0, end: 10 };

function failure(name: string, status?: number, message = 'Secret AKIAQUOTED token'): Error {
  return Object.assign(new Error(message), {
    name,
    AWSAccessKeyId: 'AKIAQUOTED',
    ...(status === undefined ? {} : { $metadata: { httpStatusCode: status } }),
  });
}

test('without the package an error says how to get it', async () => {
  await assert.rejects(
    loadSdk(async () => {
      throw new Error('Cannot find package');
    }),
    (error: WeighmarkError) =>
      error.code === 'config-invalid' && /npm install @aws-sdk\/client-s3/.test(error.hint ?? ''),
  );
});

test('each of the errors of a store has a code of ours, and nothing of what the store quotes', async () => {
  const table: readonly (readonly [Error, string])[] = [
    [failure('NoSuchKey', 404), 'not-found'],
    [failure('NoSuchBucket', 404), 'not-found'],
    [failure('AccessDenied', 403), 'unreadable'],
    [failure('SignatureDoesNotMatch', 403), 'unreadable'],
    [failure('ExpiredToken', 400), 'unreadable'],
    [failure('InvalidObjectState', 403), 'incomplete'],
    [failure('PreconditionFailed', 412), 'file-changed'],
    [failure('InvalidRange', 416), 'file-changed'],
    [failure('ConditionalRequestConflict', 409), 'file-changed'],
    [failure('PermanentRedirect', 301), 'network'],
    [failure('TemporaryRedirect', 307), 'network'],
    [failure('SlowDown', 503), 'network'],
    [failure('InternalError', 500), 'network'],
    [failure('MethodNotAllowed', 405), 'unreadable'],
    [failure('CredentialsProviderError'), 'config-invalid'],
    [failure('Error', undefined, 'Region is missing'), 'config-invalid'],
    [failure('SyntaxError'), 'network'],
    [new WeighmarkError('network', 'too slow'), 'network'],
  ];
  for (const [said, code] of table) {
    const { store } = storeOf(() => said);
    const error = await store.get(PLACE, PIN, SPAN).catch((caught: unknown) => caught);
    assert.ok(error instanceof WeighmarkError, said.name);
    assert.equal(error.code, code, said.name);
    assert.doesNotMatch(inspect(error, { depth: 9 }), /AKIAQUOTED/);
  }
});

test('a range is of one entity tag and one version, and an answer says which range it is', async () => {
  const good = { ETag: '"e"', ContentRange: 'bytes 0-9/20', Body: [], LastModified: new Date(5000), VersionId: 'null' };
  const { store, asked } = storeOf(() => good);
  const { body: _, ...answer } = await store.get(PLACE, { etag: '"e"', versionId: 'v1' }, SPAN);
  assert.deepEqual(answer, { etag: '"e"', versionId: null, modifiedMs: 5000, start: 0, totalBytes: 20 });
  assert.deepEqual(asked[0]?.input, {
    Bucket: 'models',
    Key: 'acme/enc',
    IfMatch: '"e"',
    Range: 'bytes=0-9',
    VersionId: 'v1',
  });
  for (const bad of [
    { ContentRange: undefined },
    { ContentRange: 'bytes 0-9/*' },
    { ETag: undefined },
    { Body: undefined },
  ]) {
    const { store: other } = storeOf(() => ({ ...good, ...bad }));
    await assert.rejects(other.get(PLACE, PIN, SPAN), { code: 'network' });
  }
});

test('pages: names are unescaped where the store escaped them, and a page that is cut short has a next', async () => {
  const object = { Key: 'a/%C3%BC+%2B%01', Size: 1, ETag: '"e"', LastModified: new Date(0) };
  const list = async (answer: object): Promise<Page> => storeOf(() => answer).store.list('models', 'a/', {});
  const first = await list({
    EncodingType: 'url',
    Contents: [object],
    CommonPrefixes: [{ Prefix: 'a/b%2F' }],
    IsTruncated: true,
    NextContinuationToken: 't',
  });
  assert.deepEqual([first.objects[0]?.key, first.folders, first.next], ['a/ü +\u0001', ['a/b/'], 't']);
  assert.equal((await list({ Contents: [object] })).objects[0]?.key, object.Key);
  assert.equal((await list({})).next, null);
  await assert.rejects(list({ IsTruncated: true }), { code: 'network' });
  await assert.rejects(list({ EncodingType: 'url', Contents: [{ ...object, Key: '%FF' }] }), { code: 'network' });
  await assert.rejects(list({ Contents: [{ ...object, ETag: undefined }] }), { code: 'network' });
  await assert.rejects(list({ Contents: [{ ...object, Size: undefined }] }), { code: 'network' });
});

test('what is not there is null, and what may not be looked at is not taken for it', async () => {
  assert.equal(await storeOf(() => failure('NotFound', 404)).store.find(PLACE), null);
  await assert.rejects(storeOf(() => failure('Forbidden', 403)).store.find(PLACE), { code: 'unreadable' });
});

test('whether a prefix may be written to is asked by an upload that is given up', async () => {
  const { store, asked } = storeOf(() => ({ UploadId: 'u' }));
  await store.requireWritable(PLACE);
  assert.deepEqual(
    asked.map(({ name, input }) => [name, input['Key'], input['UploadId']]),
    [
      ['CreateMultipartUpload', 'acme/enc/.weighmark/files', undefined],
      ['AbortMultipartUpload', 'acme/enc/.weighmark/files', 'u'],
    ],
  );
  await assert.rejects(storeOf(() => failure('AccessDenied', 403)).store.requireWritable(PLACE), {
    code: 'write-refused',
  });
});

test('the SDK neither sends nor tries again: that is ours; a store of another address is spoken to by path', () => {
  const { settings } = storeOf(() => ({}));
  const { maxAttempts, forcePathStyle, requestHandler } = settings[0] as Record<string, unknown>;
  assert.deepEqual(
    [maxAttempts, forcePathStyle, typeof (requestHandler as { handle: unknown }).handle],
    [1, false, 'function'],
  );
  const other = storeOf(() => ({}), { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9000' });
  assert.equal((other.settings[0] as Record<string, unknown>)['forcePathStyle'], true);
  assert.throws(
    () => s3Store(fakeSdk(() => ({})).sdk, { env: {}, signal: new AbortController().signal, offline: true }),
    { code: 'network' },
  );
});
