import { WeighmarkError } from '../../domain/base/errors.ts';
import { objectLocation, prefixOf, type ObjectPlace } from '../../domain/base/object-place.ts';
import { objectError } from './errors.ts';
import { requestHandler, type RequestHandler } from './sending.ts';
import type { Answer, ObjectFound, ObjectStore, Page } from './store.ts';

/** What of `@aws-sdk/client-s3` is used; its own types would make it a dependency. */
export interface S3Sdk {
  readonly S3Client: new (settings: S3Settings) => S3Client;
  readonly ListObjectsV2Command: Command;
  readonly HeadObjectCommand: Command;
  readonly GetObjectCommand: Command;
  readonly PutObjectCommand: Command;
  readonly DeleteObjectCommand: Command;
  readonly CreateMultipartUploadCommand: Command;
  readonly AbortMultipartUploadCommand: Command;
}

type Command = new (input: Readonly<Record<string, unknown>>) => object;

interface S3Client {
  send(command: object): Promise<S3Output>;
}

interface S3Settings {
  readonly maxAttempts: number;
  readonly requestHandler: RequestHandler;
  readonly forcePathStyle: boolean;
  readonly responseChecksumValidation: string;
  readonly requestChecksumCalculation: string;
}

interface S3Listed {
  readonly Key?: string;
  readonly Size?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
}

interface S3Output {
  readonly Contents?: readonly S3Listed[];
  readonly CommonPrefixes?: readonly { readonly Prefix?: string }[];
  readonly IsTruncated?: boolean;
  readonly NextContinuationToken?: string;
  readonly EncodingType?: string;
  readonly ETag?: string;
  readonly LastModified?: Date;
  readonly VersionId?: string;
  readonly ContentLength?: number;
  readonly ContentRange?: string;
  readonly Body?: AsyncIterable<Uint8Array>;
  readonly UploadId?: string;
}

export interface StoreSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly offline: boolean;
}

const PACKAGE = '@aws-sdk/client-s3';

/**
 * The user's own copy, from beside weighmark and never from the folder it is run in, which may be anybody's.
 * @throws WeighmarkError `config-invalid` if there is none.
 */
export async function loadSdk(load: (name: string) => Promise<unknown> = (name) => import(name)): Promise<S3Sdk> {
  try {
    return (await load(PACKAGE)) as S3Sdk;
  } catch (cause) {
    throw new WeighmarkError('config-invalid', `reading s3:// takes the package ${PACKAGE}, which is not installed`, {
      subject: PACKAGE,
      hint: `\`npm install ${PACKAGE}\` beside weighmark, with \`-g\` where weighmark was installed so`,
      cause,
    });
  }
}

/** A store that speaks S3. Where and as whom is the SDK's to find out, from its own environment; sending is ours. */
export function s3Store(sdk: S3Sdk, { env, signal, offline }: StoreSettings): ObjectStore {
  if (offline)
    throw new WeighmarkError('network', 's3:// is on the network, and --offline is set', {
      hint: 'leave out `--offline`, or WEIGHMARK_OFFLINE',
    });
  const client = new sdk.S3Client({
    maxAttempts: 1,
    requestHandler: requestHandler(signal),
    // Stores other than Amazon's seldom have a name for each bucket.
    forcePathStyle: (env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'] ?? '') !== '',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  const ask = async (place: ObjectPlace, Made: Command, input: Record<string, unknown> = {}): Promise<S3Output> => {
    try {
      const at = place.key === '' ? {} : { Key: place.key };
      return await client.send(new Made({ Bucket: place.bucket, ...at, ...input }));
    } catch (error) {
      throw signal.aborted ? new WeighmarkError('interrupted', 'interrupted') : objectError(error, place);
    }
  };
  return {
    list: async (bucket, prefix, { folded = false, most, after }) =>
      pageOf(
        await ask({ bucket, key: '' }, sdk.ListObjectsV2Command, {
          Prefix: prefix,
          EncodingType: 'url',
          ...(folded ? { Delimiter: '/' } : {}),
          ...(most === undefined ? {} : { MaxKeys: most }),
          ...(after === undefined ? {} : { ContinuationToken: after }),
        }),
        { bucket, key: prefix },
      ),
    find: async (place) => {
      try {
        const { ETag, ContentLength: Size, LastModified } = await ask(place, sdk.HeadObjectCommand);
        return foundOf({ Key: place.key, ETag, Size, LastModified }, place);
      } catch (error) {
        if (error instanceof WeighmarkError && error.code === 'not-found') return null;
        throw error;
      }
    },
    get: async (place, { etag, versionId }, { start, end }) =>
      answerOf(
        await ask(place, sdk.GetObjectCommand, {
          IfMatch: etag,
          Range: `bytes=${start}-${end - 1}`,
          ...(versionId === null ? {} : { VersionId: versionId }),
        }),
        place,
      ),
    put: async (place, bytes, { exclusive }) =>
      void (await ask(place, sdk.PutObjectCommand, { Body: bytes, ...(exclusive ? { IfNoneMatch: '*' } : {}) })),
    remove: async (place) => void (await ask(place, sdk.DeleteObjectCommand)),
    requireWritable: async (place) => requireWritable(place, { sdk, ask }),
  };
}

/** An upload that is begun and given up: no object is there for a moment. @throws WeighmarkError `write-refused`. */
async function requireWritable(
  { bucket, key }: ObjectPlace,
  {
    sdk,
    ask,
  }: { sdk: S3Sdk; ask: (place: ObjectPlace, made: Command, input?: Record<string, unknown>) => Promise<S3Output> },
): Promise<void> {
  const probe = { bucket, key: `${prefixOf({ key })}.weighmark/files` };
  try {
    const { UploadId } = await ask(probe, sdk.CreateMultipartUploadCommand);
    await ask(probe, sdk.AbortMultipartUploadCommand, { UploadId });
  } catch (cause) {
    if (!(cause instanceof WeighmarkError) || cause.code !== 'unreadable') throw cause;
    throw new WeighmarkError('write-refused', cause.message, { subject: objectLocation({ bucket, key }), cause });
  }
}

function pageOf(output: S3Output, place: ObjectPlace): Page {
  const decode = output.EncodingType === 'url' ? (name: string) => unescaped(name, place) : (name: string) => name;
  const isLast = output.IsTruncated !== true;
  if (!isLast && output.NextContinuationToken === undefined) throw useless(place);
  return {
    objects: (output.Contents ?? []).map((each) => foundOf({ ...each, Key: decode(each.Key ?? '') }, place)),
    folders: (output.CommonPrefixes ?? []).map(({ Prefix = '' }) => decode(Prefix)),
    next: isLast ? null : (output.NextContinuationToken ?? null),
  };
}

/** Asked for, as XML cannot hold every name that a store can. */
function unescaped(name: string, place: ObjectPlace): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    throw useless(place);
  }
}

function foundOf({ Key = '', Size, ETag, LastModified }: S3Listed, place: ObjectPlace): ObjectFound {
  if (Size === undefined || !Number.isSafeInteger(Size) || ETag === undefined || ETag === '') throw useless(place);
  return { key: Key, sizeBytes: Size, etag: ETag, modifiedMs: LastModified?.getTime() ?? 0 };
}

/** @throws WeighmarkError `network` for an answer that does not say which part of what it is. */
function answerOf({ ETag, VersionId, LastModified, ContentRange = '', Body }: S3Output, place: ObjectPlace): Answer {
  const [, start, total] = /^bytes (\d{1,16})-\d{1,16}\/(\d{1,16})$/.exec(ContentRange) ?? [];
  if (start === undefined || ETag === undefined || Body === undefined) throw useless(place);
  return {
    etag: ETag,
    versionId: VersionId === undefined || VersionId === 'null' ? null : VersionId,
    modifiedMs: LastModified?.getTime() ?? 0,
    start: Number(start),
    totalBytes: Number(total),
    body: Body,
  };
}

function useless(place: ObjectPlace): WeighmarkError {
  const location = objectLocation(place);
  return new WeighmarkError('network', `${location}: the store gives no answer that can be used`, {
    subject: location,
  });
}
