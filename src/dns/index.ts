/** Names behind addresses: answers of name servers, read from the packets that reached the tree. */
export { type DnsAnswer, parseDnsAnswer } from './answer.js';
export { DomainMap, type DomainMapOptions } from './domain-map.js';
export { dnsAnswerEvent } from './event.js';
export type { DnsPacket } from './packet.js';
export { DnsReader } from './reader.js';
export type { DnsRecord } from './record.js';
