{# [pattern, kind], in the order in which they are tried. dbt 2 sorts a mapping by its keys, and so another pattern might come first. #}
{% macro didomi__error_kinds() -%}
    {%- set kinds = var('didomi_error_kinds') -%}
    {%- if kinds is mapping and dbt_version < '2' -%}
        {%- set kinds = kinds.items() | list -%}
    {%- endif -%}
    {%- set ns = namespace(is_wrong=kinds is string or kinds is mapping or kinds is not iterable) -%}
    {%- if not ns.is_wrong -%}
        {%- for pair in kinds -%}
            {%- if pair is string or pair is mapping or pair is not iterable or pair | length != 2 or pair | reject('string') | list -%}
                {%- set ns.is_wrong = true -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if ns.is_wrong -%}
        {{ exceptions.raise_compiler_error("didomi_error_kinds is " ~ kinds ~ ': write a list of pairs, such as [["access ?denied", access_denied], [timeout, timeout]]') }}
    {%- endif -%}
    {{ return(kinds) }}
{%- endmacro %}

{# The kind of an error message by var didomi_error_kinds; a message that no pattern knows is `other`. #}
{% macro didomi__error_kind(message) -%}
    case
        when {{ message }} is null then 'no_message'
        {%- for pattern, kind in didomi__error_kinds() %}
        when {{ didomi__regexp_matches('lower(' ~ message ~ ')', pattern) }} then {{ didomi__pattern(kind) }}
        {%- endfor %}
        else 'other'
    end
{%- endmacro %}

{# The message without what differs between two occurrences of one failure: URLs, ARNs, dates, ids and numbers. #}
{% macro didomi__error_template(message) -%}
    {%- set month = '(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?)' -%}
    {%- set weekday = '((mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +)?' -%}
    {%- set steps = [
        ('[a-z0-9]+://[a-z0-9:/_.*+=@%?&#~-]+', '<url>'),
        ('arn:[a-z0-9:/_.*+=@%-]+', '<arn>'),
        (weekday ~ '[0-9]{1,2}[ /-]' ~ month ~ '[ /-][0-9]{4}', '#'),
        (weekday ~ month ~ ' +[0-9]{1,2}(,? [0-9]{4})?', '#'),
        ('[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}', '#'),
        ('[a-z0-9+/]{32,}=*', '#'),
        ('[a-z0-9_-]*[0-9][a-z0-9_-]*', '#'),
        ('#([:.,/+ -]*#)*', '#')
    ] -%}
    {%- set ns = namespace(text='lower(' ~ message ~ ')') -%}
    {%- for pattern, replacement in steps -%}
        {%- set ns.text = didomi__regexp_replace(ns.text, pattern, replacement) -%}
    {%- endfor -%}
    trim({{ ns.text }})
{%- endmacro %}
