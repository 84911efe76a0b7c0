/** The fixed numbers of AMQP 0-9-1 frames (4.2.3 of the specification). A test holds them against tools/amqp-0-9-1.json. */

export const FRAME_METHOD = 1;
export const FRAME_HEADER = 2;
export const FRAME_BODY = 3;
export const FRAME_HEARTBEAT = 8;

/** The octet that ends every frame. */
export const FRAME_END = 0xce;

/** Octets before a frame's payload: type (1), channel (2), payload length (4). */
export const FRAME_HEADER_SIZE = 7;

/** Octets that a frame has around its payload: the frame header and the frame end. */
export const FRAME_OVERHEAD_SIZE = 8;

/** Smallest frame-max that two peers may agree on, and the largest frame before they did, in octets. */
export const FRAME_MIN_SIZE = 4096;

/** Octets of a content header before the properties: class (2), weight (2), body size (8). The flags follow. */
export const CONTENT_HEADER_SIZE = 12;

/** Class of basic, the only one whose methods carry content. */
export const BASIC_CLASS_ID = 60;

/** What a client sends first, and what a broker answers to any other eight octets: 'AMQP' 0 0 9 1. Not to be written to. */
export const PROTOCOL_HEADER: Buffer = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

/** reply-success of the specification: what an orderly close carries. */
export const REPLY_SUCCESS = 200;
