/** RabbitMQ's `loopback_users`: users, guest among them by default, that may connect from this machine only. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Whether an address as `socket.remoteAddress` gives it is this machine's own: 127.0.0.0/8, also as IPv6 writes it, or ::1. */
export function isLoopback(address: string): boolean {
  const withoutZone = address.split('%', 1)[0]!;
  if (isIPv4(withoutZone)) return LOOPBACK.check(withoutZone, 'ipv4');
  // The list holds an IPv4 range against mapped addresses (::ffff:127.0.0.1) by itself.
  return isIPv6(withoutZone) && LOOPBACK.check(withoutZone, 'ipv6');
}

/** Constant: nothing is added after this. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');
