/** Says in the log who may do what from now on: users, vhosts and permissions that come, change and go, in RabbitMQ's words. */
import type { Log } from '../runtime/log.ts';
import type { Change, MetadataSnapshot, UserRecord } from './port.ts';

export class MetadataLog {
  readonly #log: Log;
  readonly #users: Map<string, UserRecord>;
  readonly #vhosts: Set<string>;

  constructor(log: Log, { users, vhosts }: MetadataSnapshot) {
    this.#log = log;
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#vhosts = new Set(vhosts.map(({ name }) => name));
  }

  readonly apply = (change: Change): void => {
    switch (change.kind) {
      case 'put-user':
        return this.#putUser(change.user);
      case 'delete-user':
        this.#users.delete(change.name);
        return this.#say(() => `Deleted user '${change.name}'`);
      case 'put-vhost': {
        const { name, description, tags } = change.vhost;
        if (this.#vhosts.has(name)) return;
        this.#vhosts.add(name);
        return this.#say(() => `Adding vhost '${name}' (description: '${description}', tags: [${tags.join(',')}])`);
      }
      case 'delete-vhost':
        this.#vhosts.delete(change.name);
        return this.#say(() => `Deleting vhost '${change.name}'`);
      case 'put-permission': {
        const { user, vhost, configure, write, read } = change.permission;
        const allowed = `'${configure}', '${write}', '${read}'`;
        return this.#say(() => `Successfully set permissions for '${user}' in virtual host '${vhost}' to ${allowed}`);
      }
      case 'delete-permission':
        return this.#say(
          () => `Successfully cleared permissions for '${change.user}' in virtual host '${change.vhost}'`,
        );
      case 'put-topic-permission': {
        const { user, vhost, exchange, write, read } = change.topicPermission;
        const place = `on exchange '${exchange}' for '${user}' in virtual host '${vhost}'`;
        return this.#say(() => `Successfully set topic permissions ${place} to '${write}', '${read}'`);
      }
      case 'delete-topic-permission': {
        const place = `on exchange '${change.exchange}' for '${change.user}' in virtual host '${change.vhost}'`;
        return this.#say(() => `Successfully cleared topic permissions ${place}`);
      }
    }
  };

  #putUser(user: UserRecord): void {
    const { name, passwordHash, tags } = user;
    const before = this.#users.get(name);
    this.#users.set(name, user);
    if (before === undefined) this.#say(() => `Created user '${name}'`);
    else if (before.passwordHash !== passwordHash) {
      this.#say(() => `Successfully ${passwordHash === '' ? 'cleared' : 'changed'} password for user '${name}'`);
    }
    const shown = tags.join(', ');
    if (shown === (before?.tags ?? []).join(', ')) return;
    this.#say(() => `Successfully set user tags for user '${name}' to [${shown}]`);
  }

  #say(text: () => string): void {
    this.#log.info('metadata', text);
  }
}
