// Sending things to other machines: syslog, and checkpoints as they are made.
export { parseStreamAddress, type StreamAddress } from './address.js';
export type { TlsOptions } from './connection.js';
export { type Place, placeAt } from './places.js';
export { CheckpointPusher } from './pusher.js';
export { Sender, type SenderOptions } from './sender.js';
export { type SyslogMessage, syslogFrame } from './syslog.js';
