import { Buffer } from 'node:buffer';

/** Zip files of Python's `zipfile` with one member, `archive/data.pkl`, that calls os.system: by its compression method. */
export const PACKED: Readonly<Record<'bzip2' | 'lzma', Buffer>> = {
  bzip2: Buffer.from(
    'UEsDBC4AAAAMAAAAIQBbTsQVPgAAABQAAAAQAAAAYXJjaGl2ZS9kYXRhLnBrbEJaaDkxQVkmU1kLxBjhAAAI08AQEAABEAAOIowgQgQgACKBoGwoUwAE0LE7egrkJmaJ4+LuSKcKEgF4gxwgUEsBAi4DLgAAAAwAAAAhAFtOxBU+AAAAFAAAABAAAAAAAAAAAAAAAIABAAAAAGFyY2hpdmUvZGF0YS5wa2xQSwUGAAAAAAEAAQA+AAAAbAAAAAAA',
    'base64',
  ),
  lzma: Buffer.from(
    'UEsDBD8AAgAOAAAAIQBbTsQVKQAAABQAAAAQAAAAYXJjaGl2ZS9kYXRhLnBrbAkEBQBdAACAAABAAIgDvDC9NN4vXibQagTwNTWftlagxMQ3//+K0AAAUEsBAj8DPwACAA4AAAAhAFtOxBUpAAAAFAAAABAAAAAAAAAAAAAAAIABAAAAAGFyY2hpdmUvZGF0YS5wa2xQSwUGAAAAAAEAAQA+AAAAVwAAAAAA',
    'base64',
  ),
};
