const BOTH_WAYS = 'the reader of plain leaves and the reader of any give the same: one is only faster';

const LET_GO = 'the same statement, whether its text is let go or not: one only takes less memory';
const BOTH_READERS = 'what is not cut out is read with the rest: one is only faster';
const NO_REVOCATION = 'what is no revocation revokes nothing: it is only left out sooner';
const KEPT = 'what is kept and what is compiled anew are the same: one is only faster';
const ASCENDING = 'of names that ascend the same is found when they are compared by a set: one is only faster';

/**
 * Mutants that no test can tell from the original, or need not, each with the reason: by `keyOf`. What no source holds any
 * more, or a test notices after all, fails.
 */
export const EXPLAINED: Readonly<Record<string, string>> = {
  'src/domain/authority/time.ts | swap | a < b | (a) <= (b)':
    'the names of an object are different ones: equal they never are',
  'src/domain/authority/time.ts | swap | time > (newest.get(anchor) ?? 0) | (time) >= (newest.get(anchor) ?? 0)':
    'the same time set twice is the same time',
  "src/domain/authority/one-person.ts | constant | signer.kind === 'certificate' && keys !== undefined | true":
    'a key’s signer holds the key that the policy names for them already: it is only left out sooner',
  'src/domain/authority/revocations.ts | swap | a.claim.bundle < b.claim.bundle | (a.claim.bundle) <= (b.claim.bundle)':
    'the same bundle at the same place is the same revocation',
  "src/domain/trust/verify-claim.ts | constant | anchor.kind === 'oidc' && anchor.identityPattern !== undefined | true":
    'an engine of which no pattern is asked changes nothing: it is only not loaded in vain',
  "src/domain/trust/verify-file.ts | constant | anchor.kind === 'oidc' && anchor.identityPattern !== undefined | true":
    'an engine of which no pattern is asked changes nothing: it is only not loaded in vain',
  "src/domain/trust/verify-file.ts | drop throw | throw new WeighmarkError('signature-malformed', 'the bundle holds no certificate'); | ":
    'only a bundle with certificates, of which there is one at least, is asked under a root',
  'src/domain/policy/orphans.ts | swap | index > entry.index | (index) >= (entry.index)':
    'the only entry of the same index is itself, and whoever made it promotes no more',
  'src/domain/policy/policy-signers.ts | negate | signerKey(a.signer) < signerKey(b.signer) | !(signerKey(a.signer) < signerKey(b.signer))':
    'any one order will do, so that none of theirs does',
  'src/domain/policy/policy-signers.ts | swap | signerKey(a.signer) < signerKey(b.signer) | (signerKey(a.signer)) <= (signerKey(b.signer))':
    'who signed twice is one, whichever comes first',
  'src/domain/policy/cel.ts | negate | COMPILED.size >= MOST_COMPILED | !(COMPILED.size >= MOST_COMPILED)': KEPT,
  'src/domain/policy/cel.ts | swap | COMPILED.size >= MOST_COMPILED | (COMPILED.size) > (MOST_COMPILED)': KEPT,
  'src/domain/tlog/proof.ts | swap | end < 0 | (end) <= (0)': 'what begins with an empty line has no header',
  'src/domain/tlog/leaf.ts | swap | bytes.length > LIMITS.logLeafBytes | (bytes.length) >= (LIMITS.logLeafBytes)':
    BOTH_WAYS,
  'src/domain/tlog/leaf.ts | negate | bundle === undefined | !(bundle === undefined)': BOTH_WAYS,
  'src/domain/tlog/leaf.ts | negate | manifest === undefined | !(manifest === undefined)': BOTH_WAYS,
  'src/domain/tlog/leaf.ts | negate | name === undefined | !(name === undefined)': BOTH_WAYS,
  'src/domain/tlog/append.ts | constant | tile.width === TILE_WIDTH | true':
    'the hash of an unfinished tile is beyond what the tile above it holds: it is only not computed',
  'src/domain/lineage/check.ts | swap | a < b | (a) <= (b)': 'the texts are the keys of a map: equal they never are',
  'src/domain/lineage/index-claims.ts | swap | a.bundle < b.bundle | (a.bundle) <= (b.bundle)':
    'the same bundle twice is the same claim',
  'src/domain/lineage/step-rules.ts | constant | sets.length > 0 | true':
    'a claim without such sets gives none: it is only left out sooner',
  'src/domain/lineage/step-rules.ts | constant | Object.keys(digests).length > 1 | true':
    'a digest alone says nothing of another: it is only left out sooner',
  'src/domain/lineage/step-rules.ts | swap | sets.length > 0 | (sets.length) >= (0)':
    'a claim without such sets gives none: it is only left out sooner',
  'src/domain/lineage/step-rules.ts | swap | Object.keys(digests).length > 1 | (Object.keys(digests).length) >= (1)':
    'a digest alone says nothing of another: it is only left out sooner',
  'src/domain/trust/verify-claim.ts | constant | true | false':
    'who is not asked first is asked with all the others where nobody is proven',
  'src/flows/gate/lineage.ts | constant | statement.predicateType === PREDICATES.revocation | true': NO_REVOCATION,
  'src/flows/gate/policy-test.ts | constant | statement.predicateType === PREDICATES.revocation | true': NO_REVOCATION,
  'src/flows/gate/promote-all.ts | swap | a.name < b.name | (a.name) <= (b.name)':
    'the names come from the keys of a map: equal they never are',
  'src/flows/verify/hash-signed.ts | negate | sha256 === listed.sha256 | !(sha256 === listed.sha256)':
    'both objects say the same of a file that is what the list says; of any other the verdict is a refusal, which has no files',
  "src/domain/claims/bundle.ts | empty list | ['dsseEnvelope', 'payload'] | []": BOTH_READERS,
  'src/domain/claims/bundle.ts | negate | cut !== null | !(cut !== null)': BOTH_READERS,
  'src/domain/claims/bundle.ts | swap | at < bytes.length | (at) <= (bytes.length)':
    'at its end there is nothing left to compare',
  "src/domain/claims/statement.ts | empty list | ['predicate', 'metadata', 'component'] | []":
    'what is read once it is asked for is the same: one is only faster',
  'src/domain/claims/claims-file.ts | swap | start < bytes.length | (start) <= (bytes.length)':
    'at its end there is no line left',
  'src/domain/claims/oms.ts | swap | compareUtf8(before, name) > 0 | (compareUtf8(before, name)) >= (0)':
    'what is sorted, sorted once more, is the same',
  "src/domain/claims/oms.ts | constant | resources.every( ({ path }, at) => at === 0 || (path !== '.' && resources[at - 1]?.path !== '.' && (resources[at - 1]?.path ?? '') < path), ) | false":
    ASCENDING,
  "src/domain/claims/oms.ts | constant | at === 0 || (path !== '.' && resources[at - 1]?.path !== '.' && (resources[at - 1]?.path ?? '') < path) | false":
    ASCENDING,
  "src/domain/claims/oms.ts | negate | path !== '.' | !(path !== '.')": ASCENDING,
  "src/domain/claims/verify-signature.ts | drop throw | throw new WeighmarkError('signature-malformed', 'the certificate chain is empty'); | ":
    'an empty chain is refused by whoever reads the bundle',
  'src/flows/verify/hash-signed.ts | negate | blake3 === listed.blake3 | !(blake3 === listed.blake3)':
    'both objects say the same of a file that is what the list says; of any other the verdict is a refusal, which has no files',
  'src/flows/verify/hash-signed.ts | constant | signed.has(path) | false':
    'what was not hashed ahead is hashed after: it is only later',
  'src/flows/verify/bundles.ts | negate | shardBytes !== null | !(shardBytes !== null)': LET_GO,
  "src/flows/verify/bundles.ts | negate | unreadMember(statement.predicate, 'resources') === null | !(unreadMember(statement.predicate, 'resources') === null)":
    LET_GO,
  'src/flows/verify/by-signature.ts | swap | entriesFor(trustedBy, signedName(each.statement)).length > 0 | (entriesFor(trustedBy, signedName(each.statement)).length) >= (0)':
    'an ML-BOM of these files has their root too, and to the names of all such the trust was narrowed before',
  'src/flows/verify/signed-tree.ts | constant | path === listed[at] | false':
    'the same names in the same order differ in none, which the longer way finds too',
  'src/flows/verify/signed-tree.ts | swap | path === listed[at] | (path) !== (listed[at])':
    'the same names in the same order differ in none, which the longer way finds too; other names are other lists',
  'src/domain/lineage/standing.ts | empty list | [summary.claim.bundle] | []':
    'no claim can name its own digest: it is never met again',
  'src/domain/claims/oms.ts | constant | true | false': 'what is sorted, sorted once more, is the same',
  'src/domain/claims/oms.ts | swap | names.size > 1 | (names.size) >= (1)':
    '`.` alone is in order, and twice it is refused before',
};
