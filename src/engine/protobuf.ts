/**
 * Encodes the fields of protocol buffers, the form in which TensorFlow's C API receives messages.
 *
 * @module
 */

/** A list of bytes. */
type Bytes = ArrayLike<number>;

/**
 * Encodes a field with a whole number, a boolean, or a value of an enumeration.
 *
 * @param field The number of the field.
 * @param value The value, from 0 to 2 ** 53 − 1.
 */
export const numberField = (field: number, value: number): number[] => [
  ...varint(field * 8),
  ...varint(value),
];

/**
 * Encodes a field with a message or bytes.
 *
 * @param field The number of the field.
 * @param content The encoded message, or the bytes.
 */
export const bytesField = (field: number, content: Bytes): number[] => [
  ...varint(field * 8 + 2),
  ...varint(content.length),
  ...Array.from(content),
];

/**
 * Encodes a field with a text.
 *
 * @param field The number of the field.
 * @param value The text.
 */
export const textField = (field: number, value: string): number[] =>
  bytesField(field, new TextEncoder().encode(value));

function varint(value: number): number[] {
  const parts: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) parts.push(value % 128 + 128);
  return [...parts, value];
}
