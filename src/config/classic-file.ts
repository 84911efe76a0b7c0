/**
 * RabbitMQ's classic files, `rabbitmq.config` and `advanced.config`: one list of applications in Erlang's terms, each with a list
 * of its keys. They come down to what would stand in `rabbitmq.conf`.
 *
 * Where a term stands is a path of names joined by dots. A tuple `{name, Value}` and a list of such tuples are names and what lies
 * below; the items of other lists and tuples are numbered from 1.
 */
import type { Assignment, Findings } from './assignment.ts';
import { parseTerms, type Term, TermError } from './erlang-terms.ts';
import { foreignTerm, hasForeignBelow } from './foreign-keys.ts';
import { DECLARED, nearest } from './setting-keys.ts';
import type { SettingType } from './setting-types.ts';

interface Classic {
  /** Of `rabbitmq.conf`. */
  readonly key: string;
  readonly type: SettingType<unknown>;
  readonly mayBeNone: boolean;
  readonly isPairs: boolean;
}

const CLASSIC = new Map<string, Classic>(
  DECLARED.flatMap(([, { key, classic = [], type, mayBeNone = false, isPairs = false }]) =>
    [classic].flat().map((path) => [path, { key, type, mayBeNone, isPairs }] as const),
  ),
);

const HTTP_LISTENER = 'rabbitmq_management.listener';

/** @param path for messages */
export function readClassic(path: string, content: string, findings: Findings): Assignment[] {
  const reader = new Reader(path, findings);
  try {
    reader.read(parseTerms(content));
  } catch (error) {
    if (!(error instanceof TermError)) throw error;
    findings.faults.push(`${path}:${error.line}:${error.column}: ${error.message}`);
  }
  return reader.assignments;
}

class Reader {
  readonly assignments: Assignment[] = [];
  readonly #path: string;
  readonly #findings: Findings;

  constructor(path: string, findings: Findings) {
    this.#path = path;
    this.#findings = findings;
  }

  read([root, more]: readonly Term[]): void {
    if (root === undefined) return;
    if (more !== undefined) throw new TermError(more, 'expected nothing behind the list of applications');
    if (root.kind !== 'list') throw new TermError(root, 'expected a list of applications: [{rabbit, [{KEY, VALUE}]}].');
    for (const application of root.items) {
      const [name, keys, ...others] = application.kind === 'tuple' ? application.items : [];
      if (name?.kind !== 'atom' || keys?.kind !== 'list' || others.length > 0) {
        this.#fault(application, 'expected {APPLICATION, [{KEY, VALUE}]}');
      } else {
        this.#readKeys(name.name, keys.items);
      }
    }
  }

  #readKeys(application: string, keys: readonly Term[]): void {
    for (const term of keys) {
      const [name, value] = term.kind === 'tuple' && term.items.length === 2 ? term.items : [];
      if (name?.kind !== 'atom') this.#fault(term, `expected {KEY, VALUE} in ${application}`);
      else this.#visit(`${application}.${name.name}`, value!);
    }
  }

  #below(path: string, term: Term): void {
    for (const [name, child] of childrenOf(term)) this.#visit(`${path}.${name}`, child);
  }

  /** The older way, of http-listener.ts. */
  #visitHttpListener(listener: Term): void {
    const children = childrenOf(listener);
    const isTls = children.some(([name, term]) => name === 'ssl' && term.kind === 'atom' && term.name === 'true');
    const path = `rabbitmq_management.${isTls ? 'ssl_config' : 'tcp_config'}`;
    for (const [name, term] of children) {
      if (name === 'ssl_opts' && isTls) this.#below(path, term);
      else if (name === 'ssl' || name === 'ssl_opts') this.#visitForeign(`${HTTP_LISTENER}.${name}`, term);
      else this.#visit(`${path}.${name}`, term);
    }
  }

  #visit(path: string, term: Term): void {
    if (path === HTTP_LISTENER && hasChildren(term)) return this.#visitHttpListener(term);
    if (isEncrypted(term)) return this.#fault(term, `${path}: an encrypted value cannot be read; write it as it is`);
    const exact = CLASSIC.get(path);
    const text = exact?.type.textOf(term) ?? null;
    if (exact !== undefined && text !== null) return this.#assign(exact.key, text, term);
    const several = CLASSIC.get(`${path}.$name`);
    if (several !== undefined && term.kind === 'list') return this.#visitEach(path, several, term);
    if ([...CLASSIC.keys()].some((known) => known.startsWith(`${path}.`)) && hasChildren(term)) {
      return this.#below(path, term);
    }
    const declared = exact ?? several;
    if (declared !== undefined) return this.#fault(term, `${path}: expected ${expectedOf(declared, several)}`);
    this.#visitForeign(path, term);
  }

  #visitEach(path: string, { key, type, mayBeNone, isPairs }: Classic, list: Term & { readonly kind: 'list' }): void {
    const items = list.items;
    if (items.length === 0 && mayBeNone) return this.#assign(key.replace('.$name', ''), 'none', list);
    items.forEach((item, index) => {
      const [part, value] = (isPairs && pairIn(item)) || [String(index + 1), item];
      const text = type.textOf(value);
      if (text === null) this.#fault(item, `${path}: expected ${type.form}`);
      else this.#assign(key.replace('$name', part), text, item);
    });
  }

  #visitForeign(path: string, term: Term): void {
    const foreign = foreignTerm(path, valuesIn(term));
    if (foreign === undefined) {
      if (hasForeignBelow(path) && hasChildren(term)) return this.#below(path, term);
      return this.#fault(term, `there is no setting ${path}; did you mean ${nearest(path, CLASSIC.keys())}?`);
    }
    if (foreign.refusal !== undefined) this.#fault(term, `${path}: ${foreign.refusal}`);
    if (foreign.notice !== undefined) this.#findings.notices.push(`${this.#origin(term)}: ${path}: ${foreign.notice}`);
  }

  #assign(key: string, value: string, term: Term): void {
    this.assignments.push({ key, value, origin: this.#origin(term) });
  }

  #fault(term: Term, message: string): void {
    this.#findings.faults.push(`${this.#origin(term)}: ${message}`);
  }

  #origin({ line, column }: Term): string {
    return `${this.#path}:${line}:${column}`;
  }
}

function expectedOf({ type }: Classic, several: Classic | undefined): string {
  return several === undefined ? type.form : `a list, of which each is ${type.form}`;
}

/** `{encrypted, <<"...">>}`, which RabbitMQ decodes with a passphrase of the operator's. */
function isEncrypted(term: Term): boolean {
  const name = nameOf(term);
  return name !== undefined && name === 'encrypted';
}

/** Of a tuple `{name, Value}`. */
function nameOf(term: Term): string | undefined {
  if (term.kind !== 'tuple' || term.items.length !== 2) return undefined;
  const [name] = term.items;
  return name?.kind === 'atom' ? name.name : undefined;
}

/** `{60, 5}`: a name that is a number, and what goes by it. */
function pairIn(term: Term): readonly [name: string, value: Term] | undefined {
  const [name, value, more] = term.kind === 'tuple' ? term.items : [];
  return name?.kind === 'number' && value !== undefined && more === undefined ? [String(name.value), value] : undefined;
}

function hasChildren({ kind }: Term): boolean {
  return kind === 'list' || kind === 'tuple';
}

function childrenOf(term: Term): (readonly [name: string, child: Term])[] {
  if (term.kind !== 'list' && term.kind !== 'tuple') return [];
  const name = nameOf(term);
  if (name !== undefined) return [[name, (term.items as readonly [Term, Term])[1]]];
  return term.items.map((item, index) => {
    const itsName = nameOf(item);
    if (itsName === undefined) return [String(index + 1), item] as const;
    return [itsName, (item as Term & { items: readonly [Term, Term] }).items[1]] as const;
  });
}

/** All that stands in a term, as texts. */
function valuesIn(term: Term): string[] {
  if (term.kind === 'atom') return [term.name];
  if (term.kind === 'number') return [String(term.value)];
  if (term.kind === 'string' || term.kind === 'binary') return [term.text];
  if (term.kind === 'map') return term.entries.flatMap(([, value]) => valuesIn(value));
  return term.items.flatMap(valuesIn);
}
