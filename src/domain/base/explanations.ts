import type { Code } from './errors.ts';

/** What a code means and the way out of it, for people. */
export interface Explanation {
  readonly what: string;
  /** Names the command that mends it or the page that tells how; the hint of a refusal that has none of its own. */
  readonly wayOut: string;
}

/** Every code once: `weighmark explain`, the hints and `docs/errors.md` are made from this. In the order of the page. */
export const EXPLANATIONS: Readonly<Record<Code, Explanation>> = {
  'digest-mismatch': {
    what: 'A file is not the one that was signed. Do not load it.',
    wayOut:
      'fetch it again (`weighmark pull`), or find out who changed it: `weighmark diff` of a good copy and this one',
  },
  'digest-conflict': {
    what: 'Two digests known for one thing disagree. Somebody signed a wrong pair.',
    wayOut: 'ask the signer to seal it anew with `weighmark seal`',
  },
  'download-conflict': {
    what: 'A file is not what the tool that fetched or stores it recorded (Hugging Face, DVC, Ollama, wandb): it was changed, or damaged, since.',
    wayOut:
      'fetch it again; if the change is meant: `weighmark seal --accept-conflict REASON`, and the reason is signed',
  },
  'file-missing': {
    what: 'A signed file is not there.',
    wayOut: 'fetch it again (`weighmark pull`); a part alone is verified with `weighmark verify --only GLOB`',
  },
  'file-unsigned': {
    what: 'A file is there that nobody signed.',
    wayOut:
      'remove it, or seal a new version with `weighmark seal`; without a policy `weighmark verify --ignore-unsigned-files` passes over it',
  },
  'file-changed': {
    what: 'A file changed while it was read, or since its dataset was indexed.',
    wayOut:
      'let the writer finish, then run the same command again; `weighmark verify --to DIR` gives a copy nobody writes to; a dataset: `weighmark dataset index PATH`',
  },
  'name-unsafe': {
    what: 'A file name could leave its folder or fool a system.',
    wayOut: 'rename the file, then `weighmark seal` again',
  },
  'symlink-refused': {
    what: 'A symbolic link is in the way.',
    wayOut:
      'if it stays inside the folder: `weighmark verify --allow-symlinks` (`weighmark seal --allow-symlinks`); else put the file there',
  },
  'place-unsafe': {
    what: 'A folder of another user of this machine stands where yours should, or what stood there was replaced meanwhile. Do not load it.',
    wayOut: 'use a folder that only you can write to: `weighmark verify --to DIR`',
  },
  'special-file': {
    what: 'A pipe, socket or device is in the tree.',
    wayOut: 'remove it, then `weighmark seal` again',
  },
  'empty-artifact': {
    what: 'There is no file to sign or verify.',
    wayOut: 'check the path: `weighmark inspect PATH` says what is there',
  },
  'signature-invalid': {
    what: 'The signature does not fit content and key. Do not trust it.',
    wayOut:
      'fetch the signature again from its publisher (`weighmark pull`), or ask the signer to `weighmark seal` anew',
  },
  'signature-malformed': {
    what: 'The signature file is not a well-formed bundle.',
    wayOut: 'fetch it again (`weighmark pull`), or name the right one: `weighmark verify --signature FILE`',
  },
  'signer-untrusted': {
    what: 'Signed well, by somebody you did not name.',
    wayOut: 'if you know them: `weighmark trust add NAME --key FILE`, or `weighmark verify --key FILE` for once',
  },
  'identity-mismatch': {
    what: 'The signature is good and its identity is another than the one you named.',
    wayOut:
      'compare both in the message; if the signer is right after all: `weighmark verify --identity S --issuer URL`',
  },
  'claim-malformed': {
    what: 'A claim breaks its format. Where it is by somebody of the policy and might say no, the answer is open (exit 4).',
    wayOut:
      'fetch it again, or ask its signer; what might be a no a revoker lifts with `weighmark revoke REF --claim DIGEST --reason TEXT`',
  },
  'claims-limit': {
    what: 'More or larger claims than any honest artifact has. Where the log names one that is too large to be read, the answer is open (exit 4): it might be a no.',
    wayOut:
      'remove the surplus from the claims file; the bounds stand in docs/formats.md; of one that the log names a revoker lifts it: `weighmark revoke REF --claim DIGEST --reason TEXT`',
  },
  'claim-missing': {
    what: 'A claim the policy requires, or the log names, is not there.',
    wayOut: 'make it with `weighmark attest REF --type TYPE`, or find who removed it: `weighmark log show`',
  },
  'claim-conflict': {
    what: 'Two claims by people in the same role contradict each other, or two promotions do not know of each other.',
    wayOut:
      'one of them takes it back: `weighmark revoke REF --claim DIGEST --reason TEXT`; of promotions, promote anew with `weighmark promote`',
  },
  'claim-stale': {
    what: 'A claim is older than the policy allows.',
    wayOut: 'do again what it attests, and say so with `weighmark attest REF --type TYPE`',
  },
  'claim-negative': {
    what: 'Somebody in a role said no: a failed evaluation, a blocking scan.',
    wayOut:
      'fix it; then the same role says so with `weighmark attest`, or takes it back with `weighmark revoke REF --claim DIGEST --reason TEXT`',
  },
  'certificate-expired': {
    what: 'A claim by somebody of the policy whose certificate was not valid when it was judged, and no timestamp says that it was when signing. It does not count for anything; what it says against the artifact does.',
    wayOut: 'sign again with a timestamp: `weighmark attest --tsa URL`, or `weighmark seal --tsa URL`',
  },
  'subject-ambiguous': {
    what: 'A claim is about this artifact and something else at once.',
    wayOut: 'ask its signer for one claim an artifact: `weighmark attest REF`',
  },
  'subject-mismatch': {
    what: 'A claim is about something else. You may have the wrong version.',
    wayOut: 'compare what you have with what was signed: `weighmark show REF`, `weighmark list`',
  },
  'no-verified-time': {
    what: 'A rule needs a time that somebody else than the signer vouches for, and a key alone gives none.',
    wayOut:
      'sign with `--tsa URL` or `--keyless`, as in `weighmark promote --tsa URL`; docs/policy.md says which rules ask for times',
  },
  'format-invalid': {
    what: 'A file breaks the format it claims to have.',
    wayOut: 'make it anew; `weighmark inspect PATH` says how far it could be read',
  },
  'limit-exceeded': {
    what: 'Something is larger or deeper than anything honest.',
    wayOut: 'if it is honest, tell us; the bounds stand in docs/formats.md',
  },
  'bom-invalid': {
    what: 'The BOM breaks its schema or refers to nothing. The place is named.',
    wayOut: 'mend it, then `weighmark bom validate FILE`; or make it anew: `weighmark bom create PATH`',
  },
  'bom-incomplete': {
    what: 'Minimum elements are missing. They are listed.',
    wayOut: 'state them: `weighmark bom create PATH --facts FILE`; docs/bom.md lists the elements',
  },
  'scan-finding': {
    what: 'Content that could do harm when it is loaded. Do not load it.',
    wayOut: '`weighmark explain RULE` says what the finding means and what to do',
  },
  'not-derived': {
    what: 'A tensor of the child is not what the step makes of the parent, or the word for it is weaker than `--at-least` asks. The message names tensor, row and block.',
    wayOut:
      'was it made of this parent, and with an importance matrix (`weighmark derive --with FILE`)? See docs/weights.md',
  },
  'derivation-claimed': {
    what: 'The policy wants a step recomputed, and it is only claimed, or shown less well than asked: by nobody who may say so.',
    wayOut:
      'with both models at hand: `weighmark seal CHILD --step STEP --input base-model=PARENT` signs the outcome (an importance matrix as `--input config=FILE`), or whoever else may says it: `weighmark attest REF --type derivation`',
  },
  'weights-differ': {
    what: 'A tensor is not the one that was signed, is missing, or is more than was signed. Do not load it as what was signed.',
    wayOut:
      'if a step changed it (a converter, a cast, a quantiser), `weighmark derive CHILD --from PARENT` says whether honestly; else fetch it again',
  },
  'not-kin': {
    what: 'The weights of the model are like those of none of the models it was compared with, beyond what chance and a common configuration explain.',
    wayOut: 'name other possible bases: `weighmark kin MODEL --against REF`',
  },
  'base-contradicted': {
    what: 'The model says it was made of a base, and its weights are not like those of that base.',
    wayOut:
      'is it the base that is meant? Ask who published the model; `weighmark kin MODEL --against REF` compares with others',
  },
  'description-contradicted': {
    what: 'A dataset is not as its card or its `dataset_info.json` describes it: other numbers of records, columns or types.',
    wayOut:
      'get the version that is described, or describe this one; `datasets` writes the splits that were loaded, also of what `filter` or `select` left of them. `weighmark dataset describe DATASET --check FILE` looks again',
  },
  differs: {
    what: 'The two are not the same. That is the answer, not a fault.',
    wayOut: '`weighmark diff A B --format markdown` prints it for a review',
  },
  'log-fork': {
    what: 'Two logs of one name contradict each other. Stop.',
    wayOut: 'show both checkpoints to the operator; `weighmark log verify` reads every tile',
  },
  'log-rollback': {
    what: 'The log is shorter than what you saw before. Stop.',
    wayOut: 'its operator restores it from a newer copy; then `weighmark log verify`',
  },
  'log-key-mismatch': {
    what: 'The log is not signed by the key you know.',
    wayOut: 'compare the key that `weighmark log show` prints with its operator',
  },
  'log-invalid': {
    what: "The log's tiles do not fit its checkpoint, or its checkpoint is no signed one. Nothing was signed over it.",
    wayOut: '`weighmark log verify` names the tile; restore it from a copy',
  },
  'no-rollback-protection': {
    what: 'Nothing here remembers an older state of the log.',
    wayOut:
      'name witnesses in the policy (docs/policy.md), or bring a checkpoint: `weighmark verify --min-checkpoint SIZE:ROOT`',
  },
  'not-promoted': {
    what: 'This artifact is not what is promoted there now.',
    wayOut:
      '`weighmark log show REF --kind promotion` says what is; to let this one in: `weighmark promote REF --env ENV`',
  },
  'promotion-expired': {
    what: "The promotion is older than the policy's `maxAge`.",
    wayOut: 'promote again: `weighmark promote REF --env ENV`',
  },
  'policy-refused': {
    what: 'A rule of the policy says no.',
    wayOut: '`weighmark policy explain REF --env ENV` lists every rule and what would satisfy it',
  },
  'policy-mismatch': {
    what: 'Promoted under a policy that means something else than the one in force.',
    wayOut:
      'promote again under this one: `weighmark promote REF --env ENV`, or everything: `weighmark promote --all --env ENV`; docs/policy.md tells how to change a policy',
  },
  'policy-signatures': {
    what: 'Fewer people signed the policy than your trust store asks for (`--threshold`).',
    wayOut: 'ask another of them to sign: `weighmark sign policy.yaml --signature policy.yaml.NAME.oms.sig`',
  },
  'policy-rollback': {
    what: 'A higher version of this policy was seen before: at this path, or anywhere if your trust names its signers.',
    wayOut:
      'take the newest version from its owner; who changes a policy raises `version`, and `weighmark policy lint FILE` checks it',
  },
  'approval-missing': {
    what: 'Fewer approvals than the policy wants.',
    wayOut: 'who may approve says so: `weighmark approve REF --env ENV`',
  },
  'approver-duplicate': {
    what: 'One principal approved more than once; it counts as one.',
    wayOut: 'ask somebody else: `weighmark approve REF --env ENV`',
  },
  'separation-of-duties': {
    what: 'One principal acted in two roles that must be kept apart.',
    wayOut: 'somebody else must do one of them; `weighmark lineage REF` shows who did what',
  },
  'lineage-missing': {
    what: 'Nobody whom the policy names attests how the artifact was made. A step that gives data says it of no model.',
    wayOut:
      'seal it with what it was made of: `weighmark seal PATH --step STEP --input ROLE=REF`; or add that claim: `weighmark attest REF --type train --input dataset=REF`; or take it as it is: the policy names it as a leaf with a reason (`leaves:`, docs/policy.md)',
  },
  'lineage-unattested': {
    what: 'An input is attested by nobody the policy names.',
    wayOut:
      'its maker seals and pushes it (`weighmark seal`, `weighmark push`), or the policy names it as a leaf with a reason (docs/policy.md); on a remote registry, was it logged (`weighmark log show`)?',
  },
  'lineage-cycle': {
    what: 'The lineage runs in a circle. One of the claims is wrong.',
    wayOut:
      '`weighmark lineage REF` shows it; its signer takes the wrong one back: `weighmark revoke REF --claim DIGEST --reason TEXT`',
  },
  'lineage-too-deep': {
    what: 'The lineage is deeper than the limit.',
    wayOut:
      'if that is right, raise `lineage.maxDepth` in the policy (docs/policy.md); `weighmark lineage REF` shows it',
  },
  'wrong-signer': {
    what: 'Signed by somebody who may not take this step.',
    wayOut:
      'sign with a key that the policy gives the role: the refusal, else `roles:` in the policy, names who has it; `weighmark policy explain REF --env ENV` lists every such refusal',
  },
  'time-order': {
    what: 'A step is older than its input. One of the claims is wrong.',
    wayOut: '`weighmark lineage REF` shows both times; attest the right order with `weighmark attest`',
  },
  'undeclared-input': {
    what: 'The files name a base model that the provenance does not, or, where the policy says `closure: covered`, make a loader fetch something that it does not.',
    wayOut:
      'declare it: `weighmark seal PATH --step fine-tune --input base-model=REF`; of a model taken as it is, the policy sets it aside by `exceptions:` (docs/policy.md has the recipe)',
  },
  'dependency-unpinned': {
    what: 'An input is named without a full digest.',
    wayOut: 'name it by path or digest: `weighmark seal PATH --step STEP --input ROLE=NAME@sha256:DIGEST`',
  },
  revoked: {
    what: 'It, an ancestor or its signer was revoked. Do not load it.',
    wayOut:
      '`weighmark impact REF` shows what is affected; back to an earlier one: `weighmark rollback NAME --env ENV`',
  },
  'revocation-orphaned': {
    what: 'Somebody who might said no under an earlier version of the policy, and this version does not hear them any more. A no outlives its speaker.',
    wayOut:
      'name them under `formerly:` in the policy (docs/policy.md), let somebody of today say it anew (`weighmark revoke --again`; a list of records with `weighmark attest --type removed-records`), or let it count again (`weighmark revoke --undo`, or `--claim` for anything but a revocation)',
  },
  'unsealed-change': {
    what: 'A sealed file changed and was not sealed again.',
    wayOut: 'seal it: `weighmark seal PATH`; or let CI do so',
  },
  'licence-refused': {
    what: 'A licence the policy does not take.',
    wayOut:
      'use something else, or set it aside in the policy, `exceptions: [{ code: licence-refused, id, environment, reason, expires }]` (docs/policy.md); `weighmark policy explain REF --env ENV` shows which licence and by whom',
  },
  'format-refused': {
    what: 'A file format the policy does not take.',
    wayOut:
      'convert it, to safetensors for example, then `weighmark seal` it; which are taken: `weighmark policy explain REF --env ENV`',
  },
  'record-invalid': {
    what: "A row is not what the dataset's declared reading allows; file, line, byte and column are named.",
    wayOut: 'mend the row or declare another reading: `weighmark dataset index`, docs/datasets.md',
  },
  'proof-invalid': {
    what: 'A proof about records does not hold for these roots.',
    wayOut: 'ask for another (`weighmark dataset prove`), or check which roots were signed',
  },
  'derivation-mismatch': {
    what: 'A dataset is not what the step is said to make of its inputs; the first offending record is named by its position.',
    wayOut: 'make it anew, or name the right inputs: `weighmark dataset check --step STEP --from INPUT`',
  },
  'records-overlap': {
    what: 'Two datasets that should share no record do, such as training and test data.',
    wayOut:
      'take the record that is named, and its like, out of one; then `weighmark dataset index` that one and check again: `weighmark dataset diff A B` counts what is in both',
  },
  'removed-record': {
    what: 'A dataset holds a record that a removal list says must be gone, or (exit 4) nothing shows that it does not.',
    wayOut:
      'remove it and index anew: `weighmark dataset index`; show its absence: `weighmark dataset prove DATASET --removed LIST`; who learnt from it: `weighmark impact REF --record TEXT`',
  },
  'digests-from-workers': {
    what: 'The policy wants a signer who read every file, and whoever sealed this read a sample of what workers hashed.',
    wayOut:
      'read all of it before signing: `weighmark seal PATH --from-parts DIR --recheck all`, or `weighmark seal PATH`',
  },
  usage: {
    what: 'The command line does not make sense.',
    wayOut: '`weighmark COMMAND --help` shows what it takes, with examples',
  },
  'config-invalid': {
    what: 'A configuration file has an unknown key or a wrong value. The message names file and key.',
    wayOut: 'mend it, every key stands in docs/configuration.md; a commented one to start from: `weighmark init DIR`',
  },
  'config-not-allowed': {
    what: "A project's configuration was found and nobody allowed it, or it or a file it names changed since.",
    wayOut: 'read both, then `weighmark trust allow FILE`',
  },
  'trust-missing': {
    what: 'There is a signature, and you did not say whose counts.',
    wayOut:
      '`weighmark verify --key FILE`, `--identity` with `--issuer`, or once `weighmark trust add NAME --key FILE`',
  },
  'trust-invalid': {
    what: 'A trusted key, certificate or root cannot be used. The message names which and why.',
    wayOut: '`weighmark trust list` shows what there is; `weighmark trust remove NAME` and add the right one',
  },
  'anchor-inside': {
    what: 'A key, root or policy lies inside the artifact or registry it should judge.',
    wayOut:
      'take it from where its owner publishes it, and say `weighmark verify --policy FILE` or `--key FILE`; why: docs/concepts.md',
  },
  'policy-invalid': {
    what: 'The policy does not conform to its schema, or contradicts itself.',
    wayOut: '`weighmark policy lint FILE` lists every problem with line and column; docs/policy.md has the recipes',
  },
  'key-unusable': {
    what: "The private key is of a kind or in a form that cannot sign here. P-256, P-384 or P-521, in PEM, DER or a JWK, or a program that holds one (`--key exec:COMMAND`) and did not sign. A log's key is another: the one `weighmark registry init` made, the whole file, on a Node that makes every signature the log's readers ask for.",
    wayOut:
      '`weighmark keygen NAME` makes a key; for a log say `--log-key FILE`, as in `weighmark push --log-key FILE`',
  },
  'secret-mismatch': {
    what: "Records that are hashed under one of the organisation's keys were asked about with another one, or with a list of hashes made under another: nothing would be found, and that would prove nothing.",
    wayOut:
      'name the file of the key that `weighmark dataset index` says with `--secret FILE`; make a list of hashes under the same key',
  },
  'password-wrong': {
    what: "The key's password is wrong or missing.",
    wayOut: 'set WEIGHMARK_KEY_PASSWORD or WEIGHMARK_KEY_PASSWORD_FILE (docs/configuration.md), or type it',
  },
  'already-exists': {
    what: 'Something is there that is never overwritten.',
    wayOut:
      'choose another name, or remove it yourself; `weighmark list` shows which names and tags are taken in a registry',
  },
  'not-found': {
    what: 'There is no such file, name, tag or digest.',
    wayOut: 'check the spelling, and the folder you are in for a file; `weighmark list` shows what a registry has',
  },
  'name-invalid': {
    what: 'A reference or name is not well formed.',
    wayOut: 'a path is `./x` or `x/`; a version is `NAME:TAG`; `weighmark list` shows those there are',
  },
  'write-refused': {
    what: 'Writing failed or was declined.',
    wayOut:
      'say where you may write, such as `weighmark attest REF --to FILE`, `weighmark sign PATH --signature FILE`, `weighmark keygen DIR/NAME`; or change who may write there',
  },
  'nothing-to-verify': {
    what: 'No signature, no claim. Nobody vouches for this.',
    wayOut: '`weighmark scan PATH` says what loading would do; its publisher signs it with `weighmark seal`',
  },
  unreadable: {
    what: "A file could not be read, or not as what it must be: permissions, a broken disk, a registry's `index.json` or lock that is damaged (the hint says how to go on; `index.db` is made anew by itself).",
    wayOut: 'check permissions and disk; of a registry `weighmark log verify` says what is whole',
  },
  network: {
    what: 'A server could not be reached or misbehaved.',
    wayOut: 'run the same command again: `weighmark pull` and `weighmark push` go on where they were',
  },
  'trust-expired': {
    what: 'A trusted certificate is not valid at the time of the signature.',
    wayOut: 'renew it, or sign with a timestamp: `weighmark seal --tsa URL`',
  },
  'trust-unavailable': {
    what: 'Trust material could not be had.',
    wayOut: '`weighmark trust update`; without a network `weighmark trust update --from trusted_root.json`',
  },
  incomplete: {
    what: "A part that the artifact's own files name is not there: a shard, a split, external data, a tensor of an index, an adapter's base. What is counted is not the whole model.",
    wayOut: 'fetch the rest; `weighmark inspect PATH` names it',
  },
  'lfs-pointer': {
    what: 'A Git LFS or git-annex pointer stands where the file should.',
    wayOut: '`git lfs pull` or `git annex get`, then the same `weighmark verify` again',
  },
  'derivation-undecided': {
    what: 'A tensor could not be compared: no converter of the architecture is known, the parent has no config.json, or no law of the type is known.',
    wayOut: '`weighmark inspect MODEL` shows the types of both; what is known of which stands in docs/weights.md',
  },
  'kinship-undecided': {
    what: 'Too little of the model has a counterpart in what it was compared with, or one of the two could not be examined: other shapes (a pruned or distilled model), an unknown type, a broken file.',
    wayOut:
      '`weighmark inspect MODEL --weights` shows what could be read; which containers and types are stands in docs/weights.md',
  },
  'scan-incomplete': {
    what: 'Something could not be examined, so nothing is promised. The place and reason are named.',
    wayOut: '`weighmark scan PATH -v` lists all of it; `weighmark explain RULE` says what a rule needs',
  },
  'clock-disagrees': {
    what: "A time stands far ahead of this machine's clock, or far from it: one of the two clocks is wrong. What carries the time does not count meanwhile.",
    wayOut: 'set the clock; if a wrong time was believed: `weighmark trust forget-time`',
  },
  'clock-behind': {
    what: "This machine's clock is before a time that was proven.",
    wayOut: 'set the clock; if a wrong time was believed: `weighmark trust forget-time`',
  },
  'log-freshness-unknown': {
    what: 'This machine cannot tell whether the log it sees is the newest: it neither made it nor wrote to it, and trying again changes nothing.',
    wayOut:
      "witnesses in the policy (docs/policy.md), or once `weighmark verify --min-checkpoint SIZE:ROOT` (lines 2 and 3 of the log's `checkpoint`, from somebody who knows it)",
  },
  'log-pending': {
    what: "What was done waits for the log's operator: it is stored, and no reader accepts it before it is in the log.",
    wayOut:
      'who has the log key runs `weighmark log integrate --log-key FILE --policy FILE`, on a schedule: examples/ci/github/log-operator.yml',
  },
  'revocations-stale': {
    what: 'No unexpired snapshot of the revocations. Where the policy asks that it is complete, it must count the very revocations that are known here.',
    wayOut: 'a revoker makes a new one: `weighmark revoke --snapshot 7d`; and get the newest log',
  },
  'promotion-unreadable': {
    what: "The newest word on what is promoted there is a promoter's, is no pass, and is not understood: it might be a withdrawal.",
    wayOut:
      'promote or withdraw anew after a revoker has taken it back (`weighmark revoke REF --claim DIGEST --reason TEXT`), or update weighmark',
  },
  'signer-unverifiable': {
    what: 'A no that says to be by somebody of the policy, and this machine cannot prove or disprove it: by a log, an authority or a timestamp that its trust does not know (yet).',
    wayOut:
      '`weighmark trust update --from FILE`; if it is a forgery, a revoker takes it back: `weighmark revoke REF --claim DIGEST --reason TEXT`',
  },
  'denial-unconfirmed': {
    what: 'A no by somebody who was revoked since, and nothing shows that it was said before.',
    wayOut:
      'a revoker of today says the same (`weighmark revoke REF --reason TEXT`, `weighmark revoke --again`) or takes it back (`weighmark revoke --claim DIGEST`, `--undo`)',
  },
  'weights-unlisted': {
    what: 'Somebody revoked weights, in whatever container; the list of weights that was signed with this artifact is not in the registry, so nobody can tell whether these are meant.',
    wayOut:
      'push it again from where it was sealed (`weighmark push`): its list of weights comes along; or lift the revocation: `weighmark revoke --undo`',
  },
  'webhook-undelivered': {
    what: 'What an audit found could not be told to `--webhook`; the verdict above stands. With `--watch` it is told again after the next round.',
    wayOut: 'is the address of `weighmark audit --webhook URL` right, does it answer 2xx?',
  },
  'memory-short': {
    what: 'This machine, its control group or a limit of this process allows less memory than so many files take.',
    wayOut:
      'the facts say how much it takes: allow as much, or pack the files (tar shards, Parquet, Arrow); docs/scale.md has the measures',
  },
  'disk-full': {
    what: 'No space. Nothing half-written is left.',
    wayOut: 'make room and run the same command again; `weighmark registry gc` removes what nothing names',
  },
  'records-unsupported': {
    what: 'Version 1 of the record format does not read this (a type, an encryption, a size). Nothing is said of it.',
    wayOut: 'convert it, or leave it out; `weighmark inspect PATH` shows what it is, docs/datasets.md what is read',
  },
  internal: {
    what: 'A fault of weighmark.',
    wayOut: 'report it with what WEIGHMARK_DEBUG=1 prints and `weighmark --version -v`',
  },
  interrupted: {
    what: 'You stopped it. Nothing half-written is left.',
    wayOut: 'run the same `weighmark` command again',
  },
};
