// hpack.js has no types of its own; this is what http/hpack.ts uses of it.
declare module 'hpack.js' {
  interface Entry {
    name: string;
    value: string;
    nameSize: number;
    totalSize: number;
  }
  interface Table {
    length: number;
    lookup(index: number): Entry;
  }
  interface Decompressor {
    _table: Table;
    push(field: { name: string; value: string }): boolean;
    write(block: Uint8Array): boolean;
    execute(): void;
    updateTableSize(size: number): void;
    on(event: 'error', listener: (error: Error) => void): this;
  }
  const hpack: { decompressor: { create(options: { table: { maxSize: number } }): Decompressor } };
  export default hpack;
}
