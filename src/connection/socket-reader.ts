/**
 * Reading sockets into one buffer that all connections share: the kernel's bytes are parsed where they were put, before the
 * next socket is read. Measured against 'data' events this halves the CPU of reading and makes no garbage. Node has the option
 * (`onread`) for sockets that connect, not for those that a server accepts, so an accepted handle is put into a new Socket;
 * where that is not possible (TLS, another runtime) 'data' events serve.
 */
import { Socket } from 'node:net';

/** @returns false to be given nothing more until the socket is resumed. */
export type OnBytes = (bytes: Buffer, end: number) => boolean;

const READ_BUFFER_SIZE = 128 * 1024;

interface WithHandle {
  _handle: { reading?: boolean } | null;
}

/** True of sockets with TLS. Their class is not asked for: loading it takes milliseconds, which brokers without TLS spare. */
interface MaybeEncrypted {
  readonly encrypted?: boolean;
}

/** What reads the sockets of one broker. */
export class SocketReader {
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BUFFER_SIZE);

  /**
   * Takes over an accepted socket (of a server with `pauseOnConnect`) and calls `onBytes` for what comes in: bytes 0 to `end`
   * of a buffer that is overwritten as soon as the call returns.
   * @returns the socket to write to.
   */
  read(accepted: Socket, onBytes: OnBytes): Socket {
    if ((accepted as MaybeEncrypted).encrypted === true) return readByEvents(accepted, onBytes);
    const handle = (accepted as unknown as WithHandle)._handle;
    if (handle === null || handle === undefined || typeof handle !== 'object') return readByEvents(accepted, onBytes);
    (accepted as unknown as WithHandle)._handle = null;
    handle.reading = false;
    const buffer = this.#buffer;
    const options = {
      handle,
      onread: {
        buffer,
        callback(size: number): boolean {
          return onBytes(buffer, size);
        },
      },
    };
    const socket = new Socket(options as unknown as ConstructorParameters<typeof Socket>[0]);
    // An empty shell now, which its server would count as open for ever: close() would never call back.
    accepted.destroy();
    socket.resume();
    socket.read(0);
    return socket;
  }
}

function readByEvents(socket: Socket, onBytes: OnBytes): Socket {
  socket.on('data', (chunk) => {
    if (!onBytes(chunk as Buffer, chunk.length)) socket.pause();
  });
  socket.resume();
  return socket;
}
