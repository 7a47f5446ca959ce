import { expect, test } from 'vitest';
import { externalLink, isOwnPage } from '../../src/main/links';
import { homeOption } from '../../src/main/options';

test.each([
  ['https://example.com/a?b#c', 'https://example.com/a?b#c'],
  ['http://example.com/', null],
  ['https://good.example@evil.example/', null],
  ['https://user:password@example.com/', null],
  ['javascript:alert(1)', null],
  ['file:///etc/passwd', null],
  ['smb://server/share', null],
  ['ms-msdt:/id', null],
  ['not a link', null],
  ['', null],
])('a link to %s is handed on as %s', (url, expected) => expect(externalLink(url)).toBe(expected));

test.each([
  ['trm-studio://app/index.html#/tasks', true],
  ['trm-studio://app/', true],
  ['trm-studio://other/index.html', false],
  ['https://app/index.html', false],
  ['trm-studio.evil://app/', false],
  ['about:blank', false],
  ['data:text/html,x', false],
])('%s is a page of the app: %s', (url, own) => expect(isOwnPage(url)).toBe(own));

test.each([
  [['.'], undefined],
  [['--no-sandbox', '.', '--home', '/a b'], '/a b'],
  [['.', '--home=/a'], '/a'],
  [['--home', '/a', '--home=/b'], '/b'],
  [['--home', '--inspect'], undefined],
  [['--home'], undefined],
  [['--home='], undefined],
])('%j names the home %s', (argv, home) => expect(homeOption(argv)).toBe(home));
