/** TensorBoard's event files: checksums against RFC 3720, frames and messages against bytes worked out by hand. */
import { describe, expect, it } from 'vitest';
import { crc32c, maskedCrc32c } from '../../src/core/export/crc32c';
import {
  eventFileName,
  record,
  scalarsRecord,
  sessionStartRecord,
  versionRecord,
} from '../../src/core/export/tfevents';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('crc32c', () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
  it.each([
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(255), 0x62a8ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['123456789', Buffer.from('123456789'), 0xe3069283],
    ['nothing', new Uint8Array(0), 0],
  ])('of %s', (_, bytes, expected) => expect(crc32c(bytes)).toBe(expected));

  it('is masked as TFRecord has it', () => {
    // 0xe3069283 rotated right by 15 is 0x2507c60d; 0x2507c60d + 0xa282ead8 = 0xc78ab0e5.
    expect(maskedCrc32c(Buffer.from('123456789')).toString(16)).toBe('c78ab0e5');
    // crc 0: only the constant is left.
    expect(maskedCrc32c(new Uint8Array(0))).toBe(0xa282ead8);
  });
});

describe('records', () => {
  it('are framed by length and checksums', () => {
    const framed = record([...Buffer.from('123456789')]);
    expect(framed).toHaveLength(25);
    expect(hex(framed.subarray(0, 8))).toBe('0900000000000000');
    expect(Buffer.from(framed).readUInt32LE(8)).toBe(maskedCrc32c(framed.subarray(0, 8)));
    expect(hex(framed.subarray(12, 21))).toBe(Buffer.from('123456789').toString('hex'));
    expect(hex(framed.subarray(21))).toBe('e5b08ac7');
  });

  const data = (framed: Uint8Array): string => hex(framed.subarray(12, framed.length - 4));

  it('hold the file’s version', () => {
    // 09: field 1, 8 bytes: 1.5; 1a 0d: field 3, 13 bytes: "brain.Event:2".
    expect(data(versionRecord(1.5))).toBe(`09${'000000000000f83f'}1a0d${Buffer.from('brain.Event:2').toString('hex')}`);
  });

  it('hold scalars of a step', () => {
    // 10 ac 02: field 2 = 300. 2a: field 5, the summary; each value 0a len { 0a len tag, 15 float32 }.
    const value = (tag: string, float: string) => {
      const message = `0a${tag.length.toString(16).padStart(2, '0')}${Buffer.from(tag).toString('hex')}15${float}`;
      return `0a${(message.length / 2).toString(16).padStart(2, '0')}${message}`;
    };
    const summary = value('train/lm_loss', '0000803f') + value('lr', '000000c0');
    expect(
      data(
        scalarsRecord(0, 300, [
          ['train/lm_loss', 1],
          ['lr', -2],
        ]),
      ),
    ).toBe(`09${'00'.repeat(8)}10ac022a${(summary.length / 2).toString(16)}${summary}`);
  });

  it('hold steps beyond 32 bits', () => {
    // 2^40 + 1 in groups of 7 bits, the lowest first: 81 80 80 80 80 20.
    expect(data(scalarsRecord(0, 2 ** 40 + 1, []))).toBe(`09${'00'.repeat(8)}10818080808020${'2a00'}`);
  });

  it('hold the start of a session, from which earlier files give way', () => {
    expect(data(sessionStartRecord(0, 5))).toBe(`09${'00'.repeat(8)}10053a020801`);
  });

  it('go to names that sort by time and hold nothing odd', () => {
    expect(eventFileName(new Date(1_700_000_000_999), 'my host/x', '7')).toBe(
      'events.out.tfevents.1700000000.my-host-x.7',
    );
  });
});
