{# A variable that is a number, 0 or more; YAML and --vars may give it as a text. #}
{% macro didomi__number(name) -%}
    {%- set given = var(name) -%}
    {%- if not modules.re.match('^[0-9]{1,9}([.][0-9]{1,9})?$', given | string) -%}
        {{ exceptions.raise_compiler_error(name ~ " is " ~ given ~ ": write a number, 0 or more") }}
    {%- endif -%}
    {{ given }}
{%- endmacro %}

{# Whether a variable is true; as a text, "false" would be true for Jinja. #}
{% macro didomi__is_set(name) -%}
    {%- set given = var(name) | string | lower -%}
    {%- if given not in ('true', 'false') -%}
        {{ exceptions.raise_compiler_error(name ~ " is " ~ var(name) ~ ": write true or false") }}
    {%- endif -%}
    {{ return(given == 'true') }}
{%- endmacro %}
