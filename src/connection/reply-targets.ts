/**
 * Direct reply-to: a requester consumes from the pseudo-queue `amq.rabbitmq.reply-to`, and its requests carry a name that only
 * the broker knows; a reply published to that name goes straight to the requester's channel, through no queue.
 */
import { randomBytes } from 'node:crypto';
import type { Content } from './delivery.ts';

export const REPLY_TO = 'amq.rabbitmq.reply-to';

export interface ReplyTarget {
  deliverReply(content: Content): void;
}

export class ReplyTargets {
  readonly #targets = new Map<string, ReplyTarget>();

  /** @returns the name that replies are to be published to. */
  add(target: ReplyTarget): string {
    const name = `${REPLY_TO}.${randomBytes(18).toString('base64url')}`;
    this.#targets.set(name, target);
    return name;
  }

  remove(name: string): void {
    this.#targets.delete(name);
  }

  get(name: string): ReplyTarget | undefined {
    return this.#targets.get(name);
  }
}
