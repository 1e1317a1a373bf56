declare module 'seek-bzip' {
  interface ByteStream {
    writeByte(byte: number): void;
  }
  const Bunzip: { decode(input: Uint8Array, output?: ByteStream, multistream?: boolean): Uint8Array };
  export default Bunzip;
}
