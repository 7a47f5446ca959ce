/**
 * The pickle of a torch.save file, read by a machine that can build a state dict and nothing else. Every opcode and every
 * global that is not listed is refused by name, so nothing of the file is ever executed. Source: Python's pickletools
 * (protocol 2) and what torch.save emits for a state dict.
 */
import { StudioError } from '../../../shared/errors';
import { DTYPES, type Dtype } from './dtypes';

/** A real one has some kB. Every byte can become an object of 100 bytes, which bounds the memory too. */
export const MAX_PICKLE = 2 ** 22;
const MAX_OBJECTS = 500_000;

export class Tuple {
  constructor(readonly items: readonly Value[]) {}
}
export class List {
  readonly items: Value[] = [];
}
export class Dict {
  readonly entries = new Map<string | number, Value>();
}
/** One of the allowed names. */
export class Global {
  constructor(readonly name: string) {}
}
/** A storage: which bytes of the archive, and what they are. */
export class Storage {
  constructor(
    readonly dtype: Dtype,
    readonly key: string,
    /** Elements. */
    readonly length: number,
  ) {}
}
/** A view of a storage; offset and strides in elements. */
export class TensorView {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}
export type Value = null | boolean | number | string | Tuple | List | Dict | Global | Storage | TensorView;

const ORDERED_DICT = 'collections.OrderedDict';
const REBUILD_TENSOR = 'torch._utils._rebuild_tensor_v2';
const REBUILD_PARAMETER = 'torch._utils._rebuild_parameter';
const STORAGES = new Map<string, Dtype>(
  Object.entries(DTYPES).map(([dtype, { storage }]) => [`torch.${storage}`, dtype as Dtype]),
);
const GLOBALS = new Set([ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, ...STORAGES.keys()]);

/** For sentences only: what is refused, by name. */
const REFUSED: Record<number, string> = {
  0x30: 'POP', 0x31: 'POP_MARK', 0x32: 'DUP', 0x46: 'FLOAT', 0x49: 'INT', 0x4c: 'LONG', 0x50: 'PERSID', 0x53: 'STRING',
  0x54: 'BINSTRING', 0x55: 'SHORT_BINSTRING', 0x56: 'UNICODE', 0x64: 'DICT', 0x67: 'GET', 0x69: 'INST', 0x6c: 'LIST',
  0x6f: 'OBJ', 0x70: 'PUT', 0x81: 'NEWOBJ', 0x82: 'EXT1', 0x83: 'EXT2', 0x84: 'EXT4', 0x8b: 'LONG4', 0x42: 'BINBYTES',
  0x43: 'SHORT_BINBYTES', 0x8c: 'SHORT_BINUNICODE', 0x8d: 'BINUNICODE8', 0x8e: 'BINBYTES8', 0x8f: 'EMPTY_SET',
  0x90: 'ADDITEMS', 0x91: 'FROZENSET', 0x92: 'NEWOBJ_EX', 0x93: 'STACK_GLOBAL', 0x94: 'MEMOIZE', 0x95: 'FRAME',
  0x96: 'BYTEARRAY8', 0x97: 'NEXT_BUFFER', 0x98: 'READONLY_BUFFER',
}; // prettier-ignore

/** @throws StudioError `bad_input` for what is refused, `damaged` for what is no pickle */
export function unpickle(bytes: Buffer, path: string): Value {
  return new Unpickler(bytes, path).run();
}

class Unpickler {
  private at = 0;
  private stack: Value[] = [];
  /** Heights of the stack at which marks lie. */
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, Value>();
  private objects = 0;

  constructor(
    private readonly bytes: Buffer,
    private readonly path: string,
  ) {}

  run(): Value {
    if (this.bytes.length > MAX_PICKLE) {
      throw this.refuse(`its data.pkl has ${this.bytes.length} bytes, and a state dict needs less than ${MAX_PICKLE}`);
    }
    if (this.byte() !== 0x80) throw this.broken('its data.pkl has no protocol');
    const protocol = this.byte();
    if (protocol !== 2) {
      throw this.refuse(`its data.pkl uses pickle protocol ${protocol}: save it again with torch.save's default, 2`);
    }
    for (;;) {
      const at = this.at;
      const opcode = this.byte();
      if (opcode === 0x2e) break; // STOP
      this.step(opcode, at);
    }
    const value = this.pop();
    if (this.stack.length || this.marks.length) throw this.broken('its data.pkl leaves values behind');
    if (this.at !== this.bytes.length) throw this.broken('its data.pkl goes on after its end');
    return value;
  }

  private step(opcode: number, at: number): void {
    switch (opcode) {
      case 0x28: // MARK
        this.marks.push(this.stack.length);
        return;
      case 0x4e: // NONE
        return this.push(null);
      case 0x88: // NEWTRUE
        return this.push(true);
      case 0x89: // NEWFALSE
        return this.push(false);
      case 0x4b: // BININT1
        return this.push(this.byte());
      case 0x4d: // BININT2
        return this.push(this.take(2).readUInt16LE(0));
      case 0x4a: // BININT
        return this.push(this.take(4).readInt32LE(0));
      case 0x8a: // LONG1
        return this.push(this.long());
      case 0x47: // BINFLOAT
        return this.push(this.take(8).readDoubleBE(0));
      case 0x58: // BINUNICODE
        return this.push(this.take(this.take(4).readUInt32LE(0)).toString('utf8'));
      case 0x29: // EMPTY_TUPLE
        return this.create(new Tuple([]));
      case 0x85: // TUPLE1 … TUPLE3
      case 0x86:
      case 0x87:
        return this.create(new Tuple(this.popMany(opcode - 0x84)));
      case 0x74: // TUPLE
        return this.create(new Tuple(this.popToMark()));
      case 0x5d: // EMPTY_LIST
        return this.create(new List());
      case 0x61: // APPEND
        return this.append([this.pop()]);
      case 0x65: // APPENDS
        return this.append(this.popToMark());
      case 0x7d: // EMPTY_DICT
        return this.create(new Dict());
      case 0x73: // SETITEM
        return this.setItems(this.popMany(2));
      case 0x75: // SETITEMS
        return this.setItems(this.popToMark());
      case 0x71: // BINPUT
        return this.put(this.byte());
      case 0x72: // LONG_BINPUT
        return this.put(this.take(4).readUInt32LE(0));
      case 0x68: // BINGET
        return this.get(this.byte());
      case 0x6a: // LONG_BINGET
        return this.get(this.take(4).readUInt32LE(0));
      case 0x63: // GLOBAL
        return this.global();
      case 0x51: // BINPERSID
        return this.create(this.storage(this.pop()));
      case 0x52: // REDUCE
        return this.reduce();
      case 0x62: // BUILD
        return this.build();
      default: {
        const name = REFUSED[opcode];
        if (name) throw this.refuse(`its data.pkl uses the pickle instruction ${name} at byte ${at}`);
        throw this.broken(`byte ${at} of its data.pkl, 0x${opcode.toString(16)}, is no pickle instruction`);
      }
    }
  }

  private refuse(what: string): StudioError {
    return new StudioError('bad_input', `${this.path} is not opened: ${what}, which no state dict needs.`);
  }

  private broken(what: string): StudioError {
    return new StudioError('damaged', `${this.path} is damaged: ${what}. Copy it again, or use another one.`);
  }

  private take(count: number): Buffer {
    if (this.at + count > this.bytes.length) throw this.broken('its data.pkl is cut off');
    const taken = this.bytes.subarray(this.at, this.at + count);
    this.at += count;
    return taken;
  }

  private byte(): number {
    return this.take(1)[0];
  }

  private line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw this.broken('its data.pkl is cut off');
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  private push(value: Value): void {
    this.stack.push(value);
  }

  private create(value: Value): void {
    if (++this.objects > MAX_OBJECTS) throw this.refuse(`its data.pkl makes more than ${MAX_OBJECTS} objects`);
    this.stack.push(value);
  }

  /** Values above the last mark, or above the bottom, belong to the instruction; those below do not. */
  private popMany(count: number): Value[] {
    const floor = this.marks.length ? this.marks[this.marks.length - 1] : 0;
    if (this.stack.length - count < floor) throw this.broken('its data.pkl takes more values than it has');
    return this.stack.splice(this.stack.length - count);
  }

  private pop(): Value {
    return this.popMany(1)[0];
  }

  private top(): Value {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }

  private popToMark(): Value[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw this.broken('its data.pkl has no mark where it needs one');
    return this.stack.splice(mark);
  }

  private long(): number {
    const length = this.byte();
    const bytes = this.take(length);
    if (length > 8) throw this.refuse(`its data.pkl holds a number of ${length} bytes`);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
    const signed = Number(BigInt.asIntN(8 * length, value));
    if (!Number.isSafeInteger(signed)) throw this.refuse(`its data.pkl holds the number ${signed}`);
    return signed;
  }

  private put(index: number): void {
    this.memo.set(index, this.top());
  }

  private get(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw this.broken(`its data.pkl reads the memo ${index} before it is written`);
    this.push(value);
  }

  private append(items: Value[]): void {
    const list = this.top();
    if (!(list instanceof List)) throw this.refuse('its data.pkl appends to something that is no list');
    for (const item of items) list.items.push(item);
  }

  private setItems(items: Value[]): void {
    const dict = this.top();
    if (!(dict instanceof Dict)) throw this.refuse('its data.pkl sets items of something that is no dict');
    if (items.length % 2) throw this.broken('its data.pkl sets a key without a value');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (typeof key !== 'string' && typeof key !== 'number')
        throw this.refuse('its data.pkl has a key that is no text');
      if (dict.entries.has(key)) throw this.refuse(`its data.pkl sets the key "${key}" twice`);
      dict.entries.set(key, items[i + 1]);
    }
  }

  private global(): void {
    const name = `${this.line()}.${this.line()}`;
    if (!GLOBALS.has(name)) {
      const shown = name.length > 100 ? `${name.slice(0, 100)}…` : name;
      throw new StudioError(
        'bad_input',
        `${this.path} is not opened: it asks for ${JSON.stringify(shown)}, which no state dict needs and which could run code. If you trust it, load it in Python and save model.state_dict().`,
        { global: shown },
      );
    }
    this.create(new Global(name));
  }

  /** ('storage', torch.FloatStorage, '0', 'cpu', 384) */
  private storage(id: Value): Storage {
    const [kind, type, key, location, length] = id instanceof Tuple ? id.items : [];
    const dtype = type instanceof Global ? STORAGES.get(type.name) : undefined;
    const fits = kind === 'storage' && typeof key === 'string' && typeof location === 'string' && isSize(length);
    if (!fits || dtype === undefined) throw this.refuse('its data.pkl refers to something that is no storage');
    return new Storage(dtype, key, length);
  }

  private reduce(): void {
    const [callable, args] = this.popMany(2);
    if (!(callable instanceof Global) || !(args instanceof Tuple)) {
      throw this.refuse('its data.pkl calls something that is no function');
    }
    const { items } = args;
    if (callable.name === ORDERED_DICT && items.length === 0) return this.create(new Dict());
    if (callable.name === REBUILD_TENSOR) return this.create(this.tensor(items));
    if (callable.name === REBUILD_PARAMETER && items.length === 3 && items[0] instanceof TensorView) {
      return this.push(items[0]);
    }
    throw this.refuse(`its data.pkl calls ${callable.name} with other arguments than torch.save does`);
  }

  /** (storage, offset, size, stride, requires_grad, backward_hooks[, metadata]) */
  private tensor(args: readonly Value[]): TensorView {
    const [storage, offset, size, stride] = args;
    const sizes = size instanceof Tuple ? size.items : [];
    const strides = stride instanceof Tuple ? stride.items : [];
    const fits =
      (args.length === 6 || args.length === 7) &&
      storage instanceof Storage &&
      isSize(offset) &&
      size instanceof Tuple &&
      sizes.length === strides.length &&
      sizes.every(isSize) &&
      strides.every(isSize);
    if (!fits) throw this.refuse(`its data.pkl calls ${REBUILD_TENSOR} with other arguments than torch.save does`);
    return new TensorView(storage, offset, sizes.filter(isSize), strides.filter(isSize));
  }

  /** A state dict carries `_metadata`, the modules' versions, as an attribute; nothing else has attributes. */
  private build(): void {
    const state = this.pop();
    const keys = state instanceof Dict ? [...state.entries.keys()] : null;
    if (!(this.top() instanceof Dict) || keys?.join() !== '_metadata') {
      throw this.refuse('its data.pkl sets attributes of an object (BUILD)');
    }
  }
}

const isSize = (value: Value | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
