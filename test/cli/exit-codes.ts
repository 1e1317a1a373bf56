/** What brings a command to an exit code, and the line that does so in the world that `WORLD` makes. */
export interface ExitCase {
  /** The words that name the command. */
  readonly command: string;
  readonly exit: 0 | 1 | 2 | 3 | 4;
  /** As the table says it. */
  readonly when: string;
  readonly line: string;
}

/** People, a dataset, a model, one that changed, one that does harm, a policy, a registry with both. */
export const WORLD: readonly string[] = [
  'for n in tom anna bot rita mallory; do weighmark keygen $n --no-password -q; done',
  `mkdir data model bad empty unsigned pointer && printf 'a,b\\n1,2\\n' > data/rows.csv && printf '{}' > model/config.json && printf w > model/notes.txt && printf x > unsigned/f && printf 'cposix\\nsystem\\n(S"true"\\ntR.' > bad/m.pkl`,
  `printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%064d\\nsize 12345\\n' 0 > pointer/model.bin`,
  `key() { sed '/-----/d' $1.pub | tr -d '\\n'; }; { printf 'format: weighmark-policy/1\\nname: demo\\nversion: 1\\nexpires: 2099-01-01\\nprincipals:\\n'; for n in tom anna bot rita; do printf '  %s: { keys: [%s] }\\n' $n $(key $n); done; printf 'roles: { publisher: [tom], trainer: [tom], evaluator: [tom], approver: [anna], promoter: [bot], revoker: [rita] }\\nenvironments:\\n  - { name: staging, require: [bom] }\\n  - { name: prod, after: staging, require: [bom], approvals: 1 }\\n'; } > policy.yaml`,
  `sed 's/prod, after: staging,/prod, after: staging, maxAge: 30d,/' policy.yaml > never.yaml`,
  'weighmark seal data --name data:1 --key tom.key -q && weighmark seal model --name demo:1 --step train --input dataset=data --key tom.key -q',
  'cp -r model changed && printf x > changed/notes.txt && cp -r data data2 && printf "a,b\\n1,3\\n" > data2/rows.csv',
  `printf 'format: weighmark-policy-cases/1\\ncases: []\\n' > cases.yaml`,
];

const GATE = '--policy policy.yaml';
/** A machine that never saw the log. */
const STRANGER = 'XDG_STATE_HOME=$PWD/nothing';

function of(command: string, cases: readonly (readonly [ExitCase['exit'], string, string])[]): readonly ExitCase[] {
  return cases.map(([exit, when, line]) => ({ command, exit, when, line }));
}

/** In the order in which they run: what one makes the next may need. */
export const CASES: readonly ExitCase[] = [
  ...of('keygen', [
    [0, 'made', 'weighmark keygen new --no-password'],
    [2, 'a key of that name is there', 'weighmark keygen new --no-password'],
  ]),
  ...of('trust add', [
    [0, 'added', 'weighmark trust add tom --key tom.pub'],
    [2, 'the name is taken', 'weighmark trust add tom --key tom.pub'],
  ]),
  ...of('trust list', [[0, 'listed', 'weighmark trust list']]),
  ...of('trust export', [[0, 'printed', 'weighmark trust export tom']]),
  ...of('trust remove', [
    [0, 'removed', 'weighmark trust add anna --key anna.pub && weighmark trust remove anna'],
    [2, 'nobody is called so', 'weighmark trust remove nobody'],
  ]),
  ...of('trust update', [[2, '--offline, and no file', 'weighmark trust update --offline']]),
  ...of('trust forget-time', [[0, 'forgotten', 'weighmark trust forget-time']]),
  ...of('init', [
    [0, 'written, or all was there', 'mkdir repo && cd repo && git init -q . && weighmark init --yes'],
    [2, 'nobody to ask', 'mkdir other && cd other && git init -q . && weighmark init'],
  ]),
  ...of('trust allow', [
    [0, 'allowed', 'cd repo && weighmark trust allow weighmark.yaml'],
    [2, 'no such file', 'weighmark trust allow nowhere.yaml'],
  ]),
  ...of('hook', [
    [0, 'nothing to object to', 'cd repo && printf x > a.txt && weighmark hook a.txt'],
    [1, 'unsafe content, a broken claim', 'cd repo && cp ../bad/m.pkl . && weighmark hook m.pkl'],
  ]),
  ...of('inspect', [
    [0, 'described', 'weighmark inspect model'],
    [2, 'no such file', 'weighmark inspect nowhere'],
  ]),
  ...of('scan', [
    [0, 'nothing at `--fail-on`', 'weighmark scan model'],
    [1, 'something at `--fail-on`', 'weighmark scan bad'],
    [3, 'no file to scan', 'weighmark scan empty'],
    [4, 'something could not be examined', 'weighmark scan pointer'],
  ]),
  ...of('diff', [
    [0, 'the same', 'weighmark diff model model'],
    [1, 'they differ', 'weighmark diff model changed'],
  ]),
  ...of('derive', [[2, 'no such file', 'weighmark derive nowhere --from model']]),
  ...of('kin', [[2, 'no such file', 'weighmark kin nowhere --against model']]),
  ...of('dataset index', [
    [0, 'indexed', 'weighmark dataset index data && weighmark dataset index data2'],
    [2, 'no such file', 'weighmark dataset index nowhere'],
  ]),
  ...of('dataset diff', [
    [0, 'the same records', 'weighmark dataset diff data data'],
    [1, 'they differ', 'weighmark dataset diff data data2'],
  ]),
  ...of('dataset check', [
    [0, 'they share nothing', 'weighmark dataset check data2 --against data'],
    [1, 'a record is in both', 'weighmark dataset check data --against data'],
  ]),
  ...of('dataset prove', [
    [0, 'proven: presence, or absence', `weighmark dataset prove data --record '{"a":1,"b":2}' -o p.proof`],
    [2, 'no such dataset, or it is not indexed', 'weighmark dataset prove nowhere --record x'],
  ]),
  ...of('dataset describe', [
    [
      0,
      'described, or as it is described',
      'weighmark dataset describe data -o c.json && weighmark dataset describe data --check c.json',
    ],
    [1, 'a file is not the one described', 'weighmark dataset describe data2 --check c.json'],
    [
      3,
      'no file is described by a digest',
      `printf '{}' > none.json && weighmark dataset describe data --check none.json`,
    ],
  ]),
  ...of('dataset plan', [
    [0, 'planned', 'weighmark dataset plan data work'],
    [2, 'the folder holds another plan', 'weighmark dataset plan data2 work'],
  ]),
  ...of('dataset part', [
    [0, 'indexed, again too', 'weighmark dataset part data work 0'],
    [1, 'a file is not as it was planned', 'weighmark dataset part data2 work 0'],
    [2, 'the plan has no such part', 'weighmark dataset part data work 1'],
  ]),
  ...of('dataset merge', [[4, 'something is missing, which is named', 'weighmark dataset merge data work']]),
  ...of('dataset reduce', [
    [0, 'reduced, again too', 'weighmark dataset reduce work 0'],
    [4, 'parts are missing, which are named', 'weighmark dataset plan data work2 && weighmark dataset reduce work2 0'],
  ]),
  ...of('dataset merge', [[0, 'merged', 'weighmark dataset merge data work']]),
  ...of('dataset gc', [[0, 'done', 'weighmark dataset gc']]),
  ...of('seal', [
    [0, 'sealed', 'cp -r unsigned sealed && weighmark seal sealed --key tom.key'],
    [1, 'findings at `--fail-on`; nothing is written', 'weighmark seal bad --key tom.key'],
  ]),
  ...of('sign', [
    [0, 'signed', 'cp -r unsigned signed && weighmark sign signed --key tom.key'],
    [1, 'no file to sign', 'weighmark sign empty --key tom.key'],
    [2, 'no such key', 'weighmark sign signed --key nowhere.key'],
  ]),
  ...of('attest', [
    [0, 'attested', 'weighmark attest sealed --type evaluation --result passed --key tom.key'],
    [2, 'no such type', 'weighmark attest sealed --type nonsense --key tom.key'],
  ]),
  ...of('verify', [
    [0, 'at least one check ran, and all passed', 'weighmark verify model'],
    [1, 'a check said no', 'weighmark verify changed'],
    [2, 'a signature, and nobody is trusted', 'XDG_CONFIG_HOME=$PWD/nothing weighmark verify model'],
    [3, 'nobody signed it', 'weighmark verify unsigned'],
  ]),
  ...of('exec', [
    [0, 'the command ran; its own code passes through', 'weighmark exec model -- true'],
    [1, 'a check said no; nothing started', 'weighmark exec changed -- true'],
    [3, 'nobody signed it; nothing started', 'weighmark exec unsigned -- true'],
  ]),
  ...of('hash', [
    [0, 'hashed, or all as listed', 'weighmark hash model/config.json > sums && weighmark hash --check sums'],
    [1, 'a file is not as listed', 'sed "s/^./0/;s/^./f/" sums > wrong && weighmark hash --check wrong'],
    [2, 'no such file', 'weighmark hash nowhere'],
  ]),
  ...of('bom create', [
    [0, 'made', 'weighmark bom create model -o bom.json && weighmark bom create data -o data.json'],
    [2, 'no such file', 'weighmark bom create nowhere'],
  ]),
  ...of('bom validate', [
    [0, 'valid', 'weighmark bom validate bom.json'],
    [1, 'not valid', `printf '{}' > no.json && weighmark bom validate no.json`],
  ]),
  ...of('bom diff', [
    [0, 'the same', 'weighmark bom diff bom.json bom.json'],
    [1, 'they differ', 'weighmark bom diff bom.json data.json'],
  ]),
  ...of('bom verify', [
    [0, 'the files are as it says', 'weighmark bom verify bom.json model'],
    [1, 'they are not', 'weighmark bom verify bom.json changed'],
  ]),
  ...of('registry init', [
    [0, 'made, or was there', 'weighmark registry init reg && weighmark registry init stick'],
    [2, 'the folder is a sealed artifact', 'weighmark registry init model'],
  ]),
  ...of('push', [
    [
      0,
      'stored; on a remote registry entries may wait, and that is said',
      'weighmark push data data:1 && weighmark push model demo:1',
    ],
    [1, 'it is not what its signature says', 'weighmark push changed demo:9'],
    [2, 'no such file', 'weighmark push nowhere demo:1'],
  ]),
  ...of('pull', [
    [0, 'there, and verified', 'weighmark pull demo:1 out'],
    [1, 'not promoted there, or not what it should be', `weighmark pull demo:1 out1 --env staging ${GATE}`],
    [2, 'no such version', 'weighmark pull demo:2 out2'],
  ]),
  ...of('copy', [
    [0, 'copied', 'weighmark copy demo:1 stick'],
    [2, 'no such registry', 'weighmark copy demo:1 nowhere'],
  ]),
  ...of('list', [
    [0, 'listed', 'weighmark list'],
    [2, 'no such registry', 'weighmark list --registry nowhere'],
  ]),
  ...of('show', [
    [0, 'shown', 'weighmark show demo:1'],
    [2, 'no such version', 'weighmark show demo:2'],
  ]),
  ...of('registry gc', [
    [0, 'done', 'weighmark registry gc --dry-run'],
    [2, 'no such registry', 'weighmark registry gc --registry nowhere'],
  ]),
  ...of('log show', [
    [0, 'shown', 'weighmark log show'],
    [2, 'no such kind', 'weighmark log show --kind nonsense'],
  ]),
  ...of('log verify', [
    [0, 'whole, and signed by its key', 'weighmark log verify'],
    [2, 'no such registry', 'weighmark log verify --registry nowhere'],
  ]),
  ...of('log prove', [
    [0, 'printed', 'weighmark log prove 0'],
    [2, 'no such entry', 'weighmark log prove 99'],
  ]),
  ...of('log integrate', [
    [0, 'nothing waits any more that the door admits', 'weighmark log integrate'],
    [2, 'no such registry', 'weighmark log integrate --registry nowhere'],
  ]),
  ...of('log void', [[2, 'the entry has its bundle', `weighmark log void 0 --reason empty ${GATE} --key rita.key`]]),
  ...of('promote', [
    [1, 'a rule says no; nothing is changed', `weighmark promote demo:1 --env prod ${GATE} --key bot.key`],
    [0, 'promoted, or may be (`--dry-run`)', `weighmark promote demo:1 --env staging ${GATE} --key bot.key`],
    [2, 'no such environment', `weighmark promote demo:1 --env nowhere ${GATE} --key bot.key`],
    [
      4,
      'the log may be an old one; it waits for the operator of the log',
      `${STRANGER} weighmark promote demo:1 --env staging ${GATE} --key bot.key`,
    ],
  ]),
  ...of('approve', [
    [
      1,
      'the signer is no approver, or it cannot be approved',
      `weighmark approve demo:1 --env prod ${GATE} --key tom.key --yes`,
    ],
    [0, 'approved', `weighmark approve demo:1 --env prod ${GATE} --key anna.key --yes`],
    [2, 'nobody to ask', `weighmark approve demo:1 --env prod ${GATE} --key anna.key`],
    [
      4,
      'the log may be an old one; it waits for the operator of the log',
      `${STRANGER} weighmark approve demo:1 --env prod ${GATE} --key anna.key --yes`,
    ],
  ]),
  ...of('pull', [[4, 'the log may be an old one', `${STRANGER} weighmark pull demo:1 out4 --env staging ${GATE}`]]),
  ...of('verify', [
    [
      4,
      'undecided: a file not fetched, a log that may be old',
      `${STRANGER} weighmark verify demo:1 --env staging ${GATE}`,
    ],
  ]),
  ...of('exec', [[4, 'undecided; nothing started', `${STRANGER} weighmark exec demo:1 --env staging ${GATE} -- true`]]),
  ...of('policy lint', [
    [0, 'valid', 'weighmark policy lint policy.yaml'],
    [1, 'something can never hold, or a no would cease to count', 'weighmark policy lint never.yaml'],
    [2, 'not valid', 'weighmark policy lint cases.yaml'],
  ]),
  ...of('policy explain', [
    [0, 'it may enter', `weighmark policy explain demo:1 --env prod ${GATE}`],
    [1, 'a rule says no', `weighmark policy explain data:1 --env prod ${GATE}`],
    [2, 'no such version', `weighmark policy explain demo:2 ${GATE}`],
  ]),
  ...of('policy test', [[2, 'no cases', `weighmark policy test nowhere.yaml ${GATE}`]]),
  ...of('lineage', [
    [0, 'every step is attested', `weighmark lineage demo:1 ${GATE}`],
    [1, 'a step is not', 'weighmark lineage unsigned'],
  ]),
  ...of('inventory', [
    [0, 'nothing known against what is there', 'weighmark inventory --no-stores model'],
    [
      1,
      'not promoted where it must be',
      `mkdir strange && printf GGUF > strange/m.gguf && weighmark inventory --no-stores strange ${GATE} --env prod`,
    ],
    [2, 'no such file', 'weighmark inventory --no-stores nowhere'],
  ]),
  ...of('audit', [
    [0, 'all that is promoted still holds', `weighmark audit ${GATE}`],
    [
      1,
      'something does not',
      `weighmark audit --policy never.yaml --env prod; weighmark rollback demo --env staging --to none ${GATE} --key tom.key`,
    ],
    [4, 'the log may be an old one', `${STRANGER} weighmark audit ${GATE}`],
  ]),
  ...of('report', [
    [0, 'written, and it holds', `weighmark report demo:1 --env staging ${GATE} -o report.html`],
    [1, 'written, and it does not hold', `weighmark report demo:1 --env prod ${GATE} -o report1.html`],
    [2, 'no such version', `weighmark report demo:2 --env staging ${GATE} -o report2.html`],
  ]),
  ...of('impact', [
    [0, 'listed', 'weighmark impact data:1'],
    [2, 'no such version', 'weighmark impact demo:2'],
  ]),
  ...of('rollback', [
    [
      1,
      'the signer is no promoter, or there is nothing to go back to',
      `weighmark rollback demo --env staging --to none ${GATE} --key tom.key`,
    ],
    [
      4,
      'the log may be an old one; it waits for the operator of the log',
      `${STRANGER} weighmark rollback demo --env staging --to none ${GATE} --key bot.key`,
    ],
    [0, 'done and logged', `weighmark rollback demo --env staging --to none ${GATE} --key bot.key`],
  ]),
  ...of('revoke', [
    [1, 'the signer is no revoker', `weighmark revoke demo:1 --reason bad --yes ${GATE} --key tom.key`],
    [0, 'signed and logged', `weighmark revoke demo:1 --reason bad --yes ${GATE} --key rita.key`],
    [2, 'no reason', `weighmark revoke demo:1 --yes ${GATE} --key rita.key`],
    [
      4,
      'a snapshot of a log that may be an old one; it waits for the operator of the log',
      `${STRANGER} weighmark revoke --snapshot ${GATE} --key rita.key`,
    ],
  ]),
  ...of('explain', [
    [0, 'explained', 'weighmark explain usage'],
    [2, 'no such code or rule', 'weighmark explain nonsense'],
  ]),
  ...of('completion', [
    [0, 'printed', 'weighmark completion bash'],
    [2, 'no such shell', 'weighmark completion tcsh'],
  ]),
];

/** `docs/exit-codes.md` is this. @param commands every command there is */
export function exitCodesMarkdown(commands: readonly string[]): string {
  const cell = (command: string, exit: ExitCase['exit']): string =>
    [...new Set(CASES.filter((each) => each.command === command && each.exit === exit).map(({ when }) => when))].join(
      '; ',
    );
  return [
    '# Exit codes',
    '',
    '<!-- Generated from test/cli/exit-codes.ts, whose lines are run; `UPDATE=1 node --test test/cli/exit-codes.test.ts` writes it. -->',
    '',
    '0 done, and verified where a verdict was asked for · 1 a check said no · 2 usage or configuration · 3 nothing to verify · 4 undecided. Several at',
    'once: 2, then 1, then 4, then 3 wins. Every command ends with 2 on a command line that makes no sense, with 4 where a file, a registry or a',
    'server could not be read or the disk is full, with 70 on a fault of weighmark, with 130 when it is interrupted (`exec` passes the code of its',
    'command through). Which code an error leads to: [error codes](errors.md), or `weighmark explain CODE`.',
    '',
    '| command | 0 | 1 | 2 | 3 | 4 |',
    '|---|---|---|---|---|---|',
    ...commands.map(
      (command) => `| \`${command}\` | ${([0, 1, 2, 3, 4] as const).map((exit) => cell(command, exit)).join(' | ')} |`,
    ),
    '',
  ].join('\n');
}
