// Sending things to other places: syslog, checkpoints as they are made, alerts.
export { parseStreamAddress, type StreamAddress } from './address.js';
export { CommandPlace } from './command-place.js';
export type { TlsOptions } from './connection.js';
export { DatagramPlace } from './datagram-place.js';
export { HttpPlace } from './http-place.js';
export type { Place } from './place.js';
export { placeAt } from './places.js';
export { CHECKPOINTS, type Goods, Pusher } from './pusher.js';
export { Sender, type SenderOptions } from './sender.js';
export { StreamPlace } from './stream-place.js';
export { type SyslogMessage, syslogFrame } from './syslog.js';
