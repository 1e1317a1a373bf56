import { WeighmarkError } from '../base/errors.ts';
import { parseStrictJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';

/** A CycloneDX JSON document as somebody wrote it: well-formed, nothing more. */
export interface ForeignBom {
  readonly text: string;
  readonly json: { readonly [key: string]: Json };
  readonly specVersion: string;
}

const VERSIONS = ['1.2', '1.3', '1.4', '1.5', '1.6', '1.7'];

/** @throws WeighmarkError `bom-invalid` for anything but CycloneDX 1.2–1.7 in JSON. */
export function readBom(bytes: Uint8Array, subject: string): ForeignBom {
  if (looksLikeXml(bytes)) {
    throw new WeighmarkError('bom-invalid', 'this is XML; weighmark reads CycloneDX in JSON', {
      subject,
      hint: 'convert it: `cyclonedx convert --input-file bom.xml --output-file bom.json`',
    });
  }
  const json = parseStrictJsonObject(bytes, {
    subject,
    code: 'bom-invalid',
    refuseCaseDuplicates: false,
    refuseUnsafeIntegers: false,
    maxBytes: LIMITS.bomBytes,
  });
  if (json['bomFormat'] !== 'CycloneDX')
    throw new WeighmarkError('bom-invalid', '/bomFormat: not CycloneDX', { subject, facts: { place: '/bomFormat' } });
  const specVersion = json['specVersion'];
  if (typeof specVersion !== 'string' || !VERSIONS.includes(specVersion)) {
    throw new WeighmarkError('bom-invalid', `/specVersion: not one of ${VERSIONS.join(', ')}`, {
      subject,
      facts: { place: '/specVersion' },
    });
  }
  return { text: new TextDecoder().decode(bytes), json, specVersion };
}

export function looksLikeXml(bytes: Uint8Array): boolean {
  return /^\ufeff?\s*</.test(new TextDecoder().decode(bytes.subarray(0, 256)));
}
