"""Forty chat templates that escape, burn or swell; MARK stands for a file that none may make."""

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.system('touch MARK') }}",
    "{{ joiner.__init__.__globals__.os.popen('touch MARK').read() }}",
    "{{ namespace.__init__.__globals__['__builtins__']['open']('MARK', 'w') }}",
    "{{ lipsum.__globals__['os'].system('touch MARK') }}",
    "{{ self.__init__.__globals__ }}{{ self._TemplateReference__context.os.system('touch MARK') }}",
    "{{ messages.__class__.__base__.__subclasses__()[40]('MARK', 'w') }}",
    "{{ (messages|attr('__class__')).mro() }}",
    "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f')|attr('mro')() }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(raise_exception).mro }}{{ ''.__class__.mro() }}",
    "{{ raise_exception.__globals__['os'].system('touch MARK') }}",
    "{{ raise_exception.__code__.co_consts.x() }}",
    "{{ strftime_now.__self__.__class__.__init__.__globals__.x }}",
    "{% set x = messages.append({'role': 'user'}) %}",
    "{% set x = messages[0].update({'role': 'x'}) %}",
    "{% import os %}",
    "{% include '/etc/passwd' %}{% for %}",
    "{{ x() for x in range(3) }}",
]
BURNS = [
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for a in range(999) %}{% for b in range(999) %}{% for c in range(999) %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% macro f(n) %}{% for i in range(99) %}{{ f(n + 1) }}{% endfor %}{% endmacro %}{{ f(0) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(40) }}",
    "{{ 9 ** (9 ** 9) }}",
    "{% set n = 99999999 %}{{ (n ** n) % 7 }}",
    "{% for i in range(10 ** 9) %}{% endfor %}",
    "{{ range(999999999)|list|length }}",
    "{% set ns = namespace(n=3) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
    "{% for i in range(99999) %}{{ range(99999)|sum }}{% endfor %}",
    "{% for i in range(99999) %}{{ range(99999)|map('string')|join|length }}{% endfor %}",
]
SWELLS = [
    "{{ 'a' * 9999999999 }}",
    "{{ 'a' * 50000000 }}",
    "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{{ '%0100000000d' % 1 }}",
    "{{ '%9999999999d' % 1 }}",
    "{{ '{:>100000000}'.format('a') }}",
    "{{ 'a'|center(100000000) }}",
    "{{ 'a'.ljust(9999999999) }}",
    "{{ [[0] * 99999999] * 9 }}",
    "{% for i in range(99999) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
]
PAYLOADS = ESCAPES + BURNS + SWELLS
