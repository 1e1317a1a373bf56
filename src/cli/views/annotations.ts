import { forTerminal } from '../../domain/base/text.ts';

interface Sarif {
  readonly runs: readonly {
    readonly results: readonly {
      readonly ruleId: string;
      readonly level: 'error' | 'warning' | 'note';
      readonly message: { readonly text: string };
      readonly suppressions?: readonly unknown[];
      readonly locations?: readonly {
        readonly physicalLocation?: { readonly artifactLocation?: { readonly uri?: string } };
      }[];
    }[];
  }[];
}

const COMMANDS = { error: 'error', warning: 'warning', note: 'notice' } as const;
/** GitHub shows ten of a kind for a step; more only fill the log. */
const MOST = 50;

/**
 * Findings as GitHub's workflow commands, which it shows at the files of a change. What is accepted is left out.
 * @see https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
export function annotations(sarif: object): string {
  const found = (sarif as Sarif).runs
    .flatMap(({ results }) => results)
    .filter(({ suppressions = [] }) => suppressions.length === 0);
  const lines = found.slice(0, MOST).map(({ ruleId, level, message, locations }) => {
    const uri = locations?.[0]?.physicalLocation?.artifactLocation?.uri;
    const place = uri === undefined ? '' : `file=${property(decoded(uri))},`;
    return `::${COMMANDS[level]} ${place}title=${property(`weighmark ${ruleId}`)}::${data(message.text)}`;
  });
  return [...lines, ...(found.length > MOST ? [`::notice title=weighmark::and ${found.length - MOST} more`] : [])].join(
    '\n',
  );
}

function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

/** As `@actions/core` escapes: nothing of a file's name or content starts a command of its own. */
function data(text: string): string {
  return forTerminal(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
