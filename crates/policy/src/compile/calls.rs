//! `toolsSettings.use_aws` and `toolsSettings.web_fetch`.

use remit_agent::{NativeTool, Text};
use remit_diagnostics::Spanned;

use super::Context;
use crate::decide::compiled_address;
use crate::{AwsGrants, CallRule, ToolGrants, WebGrants};

/// Compiles the settings of both tools, where the agent has them.
pub(super) fn compile(context: &mut Context<'_>, grants: &mut ToolGrants) {
    let settings = &context.agent.file.settings;
    if let Some(aws) = settings.aws.as_ref().filter(|_| grants.is_visible(NativeTool::Aws)) {
        let read_only = aws.value.auto_allow_readonly.as_ref().filter(|auto| auto.value);
        grants.aws = Some(AwsGrants {
            allowed: aws.value.allowed_services.as_ref().map(|list| services(context, list)),
            denied: aws.value.denied_services.as_ref().map_or_else(Vec::new, |list| services(context, list)),
            read_only: read_only.map(|auto| context.origin(auto.span)),
        });
    }
    if let Some(web) = settings.web_fetch.as_ref().filter(|_| grants.is_visible(NativeTool::WebFetch)) {
        grants.web = Some(WebGrants {
            trusted: web.value.trusted.as_ref().map(|list| addresses(context, list)),
            blocked: web.value.blocked.as_ref().map_or_else(Vec::new, |list| addresses(context, list)),
        });
    }
}

fn services(context: &mut Context<'_>, list: &Spanned<Vec<Text>>) -> Vec<CallRule> {
    let plain = |text: &&Text| {
        let name = text.value.as_str();
        let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !is_plain {
            let error = context.error("bad-service", text.span, format!("`{name}` is no service of AWS"));
            context.report(error.help("write the name that the `aws` command uses, as in `s3` or `dynamodb`"));
        }
        is_plain
    };
    let names: Vec<&Text> = list.value.iter().filter(plain).collect();
    names.into_iter().map(|text| rule(context, text)).collect()
}

/// A pattern that does not compile is an error of the file, whichever side it is on.
fn addresses(context: &mut Context<'_>, list: &Spanned<Vec<Text>>) -> Vec<CallRule> {
    let compiles = |text: &&Text| {
        let Err(failure) = compiled_address(&text.value) else { return true };
        let shown = failure.to_string();
        let why = shown.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let error = context.error("bad-address-pattern", text.span, format!("`{}` does not compile: {}", text.value, why.trim()));
        context.report(error.help("write a regular expression over the whole address, as in `https://docs\\.rs/.*`"));
        false
    };
    let texts: Vec<&Text> = list.value.iter().filter(compiles).collect();
    texts.into_iter().map(|text| rule(context, text)).collect()
}

fn rule(context: &Context<'_>, text: &Text) -> CallRule {
    CallRule { text: text.value.clone(), origin: context.origin(text.span) }
}
