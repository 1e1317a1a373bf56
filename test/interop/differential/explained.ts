/** What we accept and another verifier refuses, by the cases' names (`judge.ts`), and why that is right. */
export interface Explained {
  readonly cases: RegExp;
  readonly why: string;
  /** Where it depends on the keys of a run whether there is such a case. */
  readonly sometimes?: true;
}

const DEFAULTS = 'null and absent are the default in the JSON form of Protocol Buffers: zero, an empty list';
const UNKNOWN = 'fields nobody knows decide nothing; later versions may add some';
const TOKEN = '^bundle: /verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp';
const AUTHORITY = '^root: /(?:certificateAuthorities|timestampAuthorities)/\\d';

/** What both sigstore-python and sigstore-go refuse. */
const SIGSTORE: readonly Explained[] = [
  {
    cases: /^bundle: \/verificationMaterial\/tlogEntries\/0\/logIndex number$/,
    why: 'the number of an entry across all trees of a log; its place in the tree is the one that is proven',
  },
  {
    cases: new RegExp(`${TOKEN} in 1\\.1\\.0\\.3\\.`),
    why: 'a certificate that a token brings is not needed where the trusted root has it',
  },
  { cases: /^log entry: .* with another field$/, why: UNKNOWN },
  {
    cases: /^log entry: .*\/verifier\/keyDetails (?:dropped|null|number)$/,
    why: "the certificate that is recorded is the signer's byte for byte, and says what key it holds",
  },
  { cases: /^root: .* with another field$/, why: UNKNOWN },
  { cases: /^root: .*\/(?:hashAlgorithm|keyDetails) (?:dropped|null|number)$/, why: 'a key says itself what it is' },
  { cases: new RegExp(`${AUTHORITY}/(?:subject|uri)\\b`), why: 'what an authority is called decides nothing' },
  {
    cases: new RegExp(`${AUTHORITY}/validFor(?:/start)? (?:dropped|null|object|empty object)$`),
    why: 'an authority that states no window has that of its certificates',
  },
  {
    cases: /^root: \/timestampAuthorities\/0\/certChain\/certificates(?:\/\d)? (?:reversed|shortened|dropped)$/,
    why: 'a token brings the certificate of its signer; the last of the chain, whichever it is, is what is believed',
  },
  {
    cases: /^root: \/timestampAuthorities\/\d\/certChain\/certificates\/\d\/rawBytes in /,
    why: 'a token brings the certificate of its signer, and a root is believed for its key, whatever else it says',
  },
  {
    cases: /^root: \/certificateAuthorities\/0\/certChain\/certificates\/0\/rawBytes in [12]/,
    why: 'a root is believed for its key; its signature over itself proves nothing',
    sometimes: true,
  },
];

export const EXPLAINED = {
  'model_signing 1.1.1': [
    { cases: /^bundle: \/verificationMaterial\/tlogEntries null$/, why: DEFAULTS },
    {
      cases: /^statement: \/predicate\/serialization\/ignore_paths null$/,
      why: 'Go writes an empty list so; nothing is left out',
    },
  ],
  'sigstore 4.5.1': [
    ...SIGSTORE,
    { cases: /^bundle: .*\/(?:logIndex|hashes) (?:dropped|null)$/, why: DEFAULTS },
    { cases: /rfc3161Timestamps twice$/, why: 'authorities are counted, not tokens: the same one twice is one' },
    {
      cases: new RegExp(`${TOKEN} in 1\\.1\\.0\\.1(?:\\.0){0,2},`),
      why: 'the hashes a token names up front are a hint (RFC 5652 5.1); the one used is named by its signer',
    },
  ],
  'sigstore-go 1.2.2': [
    ...SIGSTORE,
    {
      cases: /^bundle: \/dsseEnvelope\/signatures\/0\/keyid (?:padded|text)$/,
      why: 'a hint that nothing rests on (DSSE); some write names there',
    },
  ],
} as const satisfies Readonly<Record<string, readonly Explained[]>>;

export type Verifier = keyof typeof EXPLAINED;
