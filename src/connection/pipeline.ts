/**
 * Declarations, bindings and deletions of one channel that are on their way to the metadata store at the same time.
 *
 * A client that does not wait for answers (it sends them without, or many before it reads) would pay one sync for each where the
 * channel waits for every answer. So what comes next is proposed, too, where its outcome cannot depend on what is still under
 * way: it is about something else, or binds what is being declared. Answers go out in the order of the requests all the same.
 *
 *   requests: [ answered | proposed, done, proposed, ... | held frames ]    the first one that is not done holds the answers up
 *
 * What would be answered or refused without a proposal is not taken ahead: it waits until all before it is done.
 *
 * When one of them fails (somebody else was first), nothing of those behind it happens either: each is asked for once more in
 * its turn, and by then the channel may be closed.
 */
import type { Change, DestinationType, ProposalLine } from '../metadata/port.ts';
import type { Method } from '../protocol/methods.generated.ts';
import type { Vhost } from '../vhost/vhost.ts';

/** One that was proposed. */
export interface Request {
  isDone: boolean;
  /** What follows when all before it is answered. Throws what the client is to be told. */
  then(): void;
}

/** What is being done to a queue or an exchange. */
type Role = 'declared' | 'deleted' | 'bound';

/** So many are under way at most, and the rest waits until they are through. */
const REQUESTS_MAX = 1000;

export class Pipeline {
  readonly #requests: Request[] = [];
  /** What they are about, until all are through. */
  readonly #roles = new Map<string, Role>();
  #takenCount = 0;
  /** Whether bindings go: an exchange may go with its last one. */
  #takesBindings = false;
  /** What is asked for once more, since it was overtaken by others, goes before those that came behind it. */
  #isRepeating = false;
  #line: ProposalLine = { hasFailed: false };

  get isEmpty(): boolean {
    return this.#requests.length === 0;
  }

  /** What is proposed next stands or falls with; none for what is asked for once more: those behind it wait for their turn. */
  get line(): ProposalLine | undefined {
    return this.#isRepeating ? undefined : this.#line;
  }

  /** Whether a queue is on its way to be one. */
  declaresQueue(name: string): boolean {
    return this.#roles.get(`queue ${name}`) === 'declared';
  }

  add(change: Change, request: Request): void {
    if (this.#isRepeating) this.#requests.unshift(request);
    else this.#requests.push(request);
    this.#takenCount++;
    if (change.kind.startsWith('delete-')) this.#takesBindings = true;
    for (const [what, role] of subjectsOf(change)) if (!this.#isFinal(what)) this.#roles.set(what, role);
  }

  /** @returns whether it is done and the first one: then it is off the list, and what follows is the caller's to do */
  isThrough(request: Request): boolean {
    if (!request.isDone || this.#requests[0] !== request) return false;
    this.#take();
    return true;
  }

  /** Goes on with what is done, in order. @throws what the client is to be told; the rest is still there */
  answer(): void {
    while (this.#requests[0]?.isDone === true) {
      const { then } = this.#take();
      this.#isRepeating = true;
      try {
        then();
      } finally {
        this.#isRepeating = false;
      }
    }
  }

  #take(): Request {
    const request = this.#requests.shift()!;
    if (this.#requests.length === 0) {
      this.#takenCount = 0;
      this.#takesBindings = false;
      this.#roles.clear();
      if (this.#line.hasFailed) this.#line = { hasFailed: false };
    }
    return request;
  }

  /** Whether a method may be proposed while others are under way. */
  mayTake(method: Method, vhost: Vhost): boolean {
    if (this.isEmpty || this.#takenCount >= REQUESTS_MAX) return false;
    switch (method.name) {
      case 'queue.declare':
        return !method.passive && !isSpecial(method.queue) && this.#isNew('queue', method.queue, vhost.queues);
      case 'exchange.declare':
        return !method.passive && this.#isNew('exchange', method.exchange, vhost.exchanges);
      case 'queue.delete':
        return this.#isThere(method, vhost);
      case 'exchange.delete':
        return this.#isFree(`exchange ${method.exchange}`) && vhost.exchanges.has(method.exchange);
      case 'queue.bind':
        return (
          this.#mayBind(method.exchange, vhost) && (this.declaresQueue(method.queue) || this.#isThere(method, vhost))
        );
      case 'queue.unbind':
        return this.#mayUnbind(method.exchange, vhost) && this.#isThere(method, vhost);
      case 'exchange.bind':
        return this.#mayBind(method.source, vhost) && this.#mayBind(method.destination, vhost);
      case 'exchange.unbind':
        return this.#mayUnbind(method.source, vhost) && this.#mayUnbind(method.destination, vhost);
      default:
        return false;
    }
  }

  #isNew(kind: DestinationType, name: string, known: ReadonlyMap<string, unknown>): boolean {
    return this.#isFree(`${kind} ${name}`) && !known.has(name);
  }

  #isThere({ queue }: { readonly queue: string }, vhost: Vhost): boolean {
    return !this.#isFinal(`queue ${queue}`) && vhost.presentQueue(queue) !== undefined;
  }

  #mayBind(exchange: string, vhost: Vhost): boolean {
    const mayGo = this.#takesBindings && vhost.exchanges.get(exchange)?.autoDelete === true;
    return !mayGo && this.#mayUnbind(exchange, vhost);
  }

  #mayUnbind(exchange: string, vhost: Vhost): boolean {
    return !this.#isFinal(`exchange ${exchange}`) && vhost.exchanges.has(exchange);
  }

  #isFree(what: string): boolean {
    return !this.#roles.has(what) && !hasLineBreak(what);
  }

  #isFinal(what: string): boolean {
    const role = this.#roles.get(what);
    return role === 'declared' || role === 'deleted' || hasLineBreak(what);
  }
}

/** Line breaks are taken out of names: then it is about something else. */
function hasLineBreak(what: string): boolean {
  return what.includes('\n') || what.includes('\r');
}

/** There may be no such queue, and still be an answer: reply addresses. */
function isSpecial(queue: string): boolean {
  return queue.startsWith('amq.');
}

function subjectsOf(change: Change): readonly (readonly [what: string, role: Role])[] {
  switch (change.kind) {
    case 'put-queue':
      return [[`queue ${change.queue.name}`, 'declared']];
    case 'put-exchange':
      return [[`exchange ${change.exchange.name}`, 'declared']];
    case 'delete-queue':
      return [[`queue ${change.name}`, 'deleted']];
    case 'delete-exchange':
      return [[`exchange ${change.name}`, 'deleted']];
    case 'put-binding':
    case 'delete-binding': {
      const { source, destination, destinationType } = change.binding;
      return [
        [`exchange ${source}`, 'bound'],
        [`${destinationType} ${destination}`, 'bound'],
      ];
    }
    default:
      return [];
  }
}
